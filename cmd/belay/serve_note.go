package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"belay/providers/host/certs"
)

// servedBy is how the last belay serve of a store was started. It stands in the state
// directory, so that status, check and the wizard find its certificates, and the wizard
// rehearses as the server orders. There is no secret in it.
type servedBy struct {
	// Own are the certificate files of the operator's own; where there are any, belay
	// keeps none, and what it kept before is nobody's concern.
	Own          []string `json:"own_certificates,omitempty"`
	Certificates string   `json:"certificates"`
	CA           string   `json:"ca"`
	Staging      string   `json:"staging,omitempty"`
	Email        string   `json:"email,omitempty"`
	Ways         []string `json:"ways,omitempty"`
	Listen       []string `json:"listen,omitempty"`
	HTTP         []string `json:"http,omitempty"`
}

// servedByNote is its file.
const servedByNote = "serve.json"

// note writes down how belay serve was started.
func (p *program) note(given serveFlags) error {
	state, err := p.stateDir()
	if err != nil {
		return err
	}
	f := given.certificates
	dir, err := p.certificateDir(&f)
	if err != nil {
		return err
	}
	text, err := json.Marshal(servedBy{
		Own: given.own.certs, Certificates: dir, CA: f.ca, Staging: f.staging, Email: f.email, Ways: f.ways, Listen: given.listen, HTTP: given.http,
	})
	if err == nil {
		err = replaceFile(filepath.Join(state, servedByNote), 0o600, func(w io.Writer) error {
			_, err := w.Write(append(text, '\n'))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("note how belay serve was started: %w", err)
	}
	return nil
}

// noted are the flags by which belay serve was started last, or those that it has where
// it never was.
func (p *program) noted() (serveFlags, error) {
	given := serveFlags{listen: []string{":443"}, http: []string{":80"}, certificates: certificateFlags{ca: certs.LetsEncrypt}}
	state, err := p.stateDir()
	if err != nil {
		return given, err
	}
	file := filepath.Join(state, servedByNote)
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return given, nil
	case err != nil:
		return given, fmt.Errorf("see how belay serve was started: %w", err)
	}
	var by servedBy
	if err := json.Unmarshal(text, &by); err != nil {
		return given, fmt.Errorf("see how belay serve was started: %s is damaged; the next start of belay serve writes it anew: %w", file, err)
	}
	given.own.certs = by.Own
	given.certificates = certificateFlags{dir: by.Certificates, ca: by.CA, staging: by.Staging, email: by.Email, ways: by.Ways}
	if len(by.Listen) > 0 {
		given.listen = by.Listen
	}
	if len(by.HTTP) > 0 {
		given.http = by.HTTP
	}
	given.certificates.noHTTP = slices.Equal(given.http, []string{"none"})
	return given, nil
}

// given reports whether the operator has certificates of his own.
func (f ownFlags) given() bool { return len(f.certs)+len(f.keys) > 0 }

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"belay/providers/host/serve"
	"belay/rollout"
	"belay/rollout/mtasts"
)

// lastServed is the file in which a server keeps the policies that it serves. It stands
// beside the certificates, which may be on another disk than the store, and like them
// it is what a server cannot do without.
type lastServed struct{ file string }

var _ serve.Last = lastServed{}

// lastServed is the file of a server with these flags. Machines that share a folder of
// certificates need not serve the same policies, so it is one machine's and one store's.
func (p *program) lastServed(f *certificateFlags) (lastServed, error) {
	certificates, err := p.certificateDir(f)
	if err != nil {
		return lastServed{}, err
	}
	state, err := p.stateDir()
	if err == nil {
		state, err = filepath.Abs(state)
	}
	if err != nil {
		return lastServed{}, fmt.Errorf("find the state directory: %w", err)
	}
	machine, err := os.Hostname()
	if err != nil {
		return lastServed{}, fmt.Errorf("tell this machine from others that share certificates: %w", err)
	}
	sum := sha256.Sum256([]byte(machine + "\x00" + state))
	return lastServed{filepath.Join(certificates, "served-"+hex.EncodeToString(sum[:6])+".json")}, nil
}

// lastServedLimit is the largest such file that is read, in bytes: some hundred
// thousand policies.
const lastServedLimit = 128 << 20

// lastHost is one policy host of the file.
type lastHost struct {
	Domain string    `json:"domain"`
	Body   *string   `json:"body,omitempty"` // nil before the first and after the last
	Since  time.Time `json:"since,omitzero"`
}

// Keep implements serve.Last.
func (l lastServed) Keep(hosts []rollout.ServedHost) error {
	out := make([]lastHost, len(hosts))
	for i, h := range hosts {
		out[i] = lastHost{Domain: h.Domain, Since: h.Since}
		if h.Body.Exists {
			out[i].Body = &h.Body.Body
		}
	}
	err := os.MkdirAll(filepath.Dir(l.file), 0o700)
	if err == nil {
		err = replaceFile(l.file, 0o600, func(w io.Writer) error { return json.NewEncoder(w).Encode(out) })
	}
	if err != nil {
		return fmt.Errorf("keep what is served in %s: %w", l.file, err)
	}
	return nil
}

// Hosts implements serve.Last. What is no policy is not taken for one.
func (l lastServed) Hosts() ([]rollout.ServedHost, error) {
	f, err := os.Open(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was served last: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, lastServedLimit+1))
	if err == nil && len(text) > lastServedLimit {
		err = fmt.Errorf("it is larger than %d bytes", lastServedLimit)
	}
	var in []lastHost
	if err == nil {
		err = json.Unmarshal(text, &in)
	}
	if err != nil {
		return nil, fmt.Errorf("read what was served last from %s: %w", l.file, err)
	}
	out := make([]rollout.ServedHost, len(in))
	for i, h := range in {
		domain, _, err := mtasts.Domain(h.Domain)
		if err != nil || domain != h.Domain {
			return nil, fmt.Errorf("read what was served last from %s: %q is no policy domain", l.file, h.Domain)
		}
		out[i] = rollout.ServedHost{Domain: domain, Wanted: true, Since: h.Since, Body: rollout.Absent()}
		if h.Body != nil {
			out[i].Body = rollout.Body(*h.Body)
		}
	}
	return out, nil
}

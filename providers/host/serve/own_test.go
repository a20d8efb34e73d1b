package serve

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write puts a certificate into files, as an operator's renewal does: beside, and
// renamed into place.
func write(t *testing.T, p Pair, cert *tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{p.Cert: {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, p.Key: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(name+".new", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".new", name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOwnCertificatesAreReadAnew(t *testing.T) {
	ca := newAuthority(t)
	issue := func(names ...string) *tls.Certificate {
		cert, err := ca.issue(names...)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	dir := t.TempDir()
	a := Pair{filepath.Join(dir, "a.pem"), filepath.Join(dir, "a.key")}
	b := Pair{filepath.Join(dir, "b.pem"), filepath.Join(dir, "b.key")}
	first, wild := issue(policyHost), issue("*.b.test")
	write(t, a, first)
	write(t, b, wild)
	log := &heard{}
	own, err := OwnCertificates([]Pair{a, b}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	shows := func(what, host string, want *tls.Certificate) {
		t.Helper()
		s := Server{o: Options{Certificates: own}}
		leaf, err := s.shows(host)
		switch {
		case want == nil:
			if err == nil {
				t.Errorf("%s: %s is shown a certificate for %v", what, host, leaf.DNSNames)
			}
		case err != nil || !leaf.Equal(want.Leaf):
			t.Errorf("%s: %s is shown another certificate, %v", what, host, err)
		}
	}
	shows("at first", policyHost, first)
	shows("at first", "mta-sts.b.test", wild)
	shows("at first", "mta-sts.c.test", nil)
	if err := own.Manage(t.Context(), []string{policyHost, "mta-sts.c.test"}); err == nil || !strings.Contains(err.Error(), "mta-sts.c.test") || strings.Contains(err.Error(), "corp.test") {
		t.Errorf("what is lacking is told as %v", err)
	}

	renewed := issue(policyHost)
	write(t, a, renewed)
	own.Reload()
	shows("renewed", policyHost, renewed)

	if err := os.WriteFile(a.Cert, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	own.Reload()
	own.Reload()
	shows("broken", policyHost, renewed)
	if n := strings.Count(log.String(), "kept that was read before"); n != 1 {
		t.Errorf("a broken file was told %d times:\n%s", n, log)
	}
	if err := os.Remove(a.Cert); err != nil {
		t.Fatal(err)
	}
	own.Reload()
	shows("gone", policyHost, renewed)
	again := issue(policyHost)
	write(t, a, again)
	own.Reload()
	shows("put back", policyHost, again)

	if _, err := OwnCertificates([]Pair{{b.Cert, a.Key}}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), b.Cert) {
		t.Errorf("a key of another certificate: %v", err)
	}
}

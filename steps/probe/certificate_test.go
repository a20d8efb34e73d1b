package probe

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"testing"

	"belay/rollout/finding"
)

// Which TLSA records senders can use, and which of them vouch for a chain.
func TestVerify(t *testing.T) {
	b := newBox(t)
	cert := b.certificate(nil, "mx.corp.test")
	s := Session{chain: []*x509.Certificate{cert.Leaf, b.ca}}
	sum := func(raw []byte) string { h := sha256.Sum256(raw); return hex.EncodeToString(h[:]) }
	leafKey, leaf, ca := sum(cert.Leaf.RawSubjectPublicKeyInfo), sum(cert.Leaf.Raw), sum(b.ca.Raw)
	other := strings.Repeat("ab", 32)
	for name, row := range map[string]struct {
		records []string
		usable  int
		matches bool
	}{
		"the leaf's key":               {[]string{"3 1 1 " + leafKey}, 1, true},
		"the leaf, capitals":           {[]string{"3 0 1 " + strings.ToUpper(leaf)}, 1, true},
		"the whole leaf":               {[]string{"3 0 0 " + hex.EncodeToString(cert.Leaf.Raw)}, 1, true},
		"the issuer as anchor":         {[]string{"2 0 1 " + ca}, 1, true},
		"the issuer as end entity":     {[]string{"3 0 1 " + ca}, 1, false},
		"the leaf as anchor":           {[]string{"2 0 1 " + leaf}, 1, false},
		"another key":                  {[]string{"3 1 1 " + other}, 1, false},
		"one of two":                   {[]string{"3 1 1 " + other, "3 1 1 " + leafKey}, 2, true},
		"PKIX usages are not for SMTP": {[]string{"1 1 1 " + leafKey, "0 0 1 " + ca}, 0, false},
		"a digest of the wrong length": {[]string{"3 1 1 abcd", "3 1 2 " + leafKey}, 0, false},
		"unknown selector or type":     {[]string{"3 2 1 " + leafKey, "3 1 3 " + leafKey}, 0, false},
		"nonsense":                     {[]string{"", "3 1 1", "a b c d", "300 1 1 ab"}, 0, false},
	} {
		if usable, matches := s.Verify(row.records); usable != row.usable || matches != row.matches {
			t.Errorf("%s: %d usable, matches %v", name, usable, matches)
		}
	}
	if _, matches := (Session{}).Verify([]string{"3 1 1 " + leafKey}); matches {
		t.Error("a record vouches for no certificate at all")
	}
}

// Whatever a server presents as its chain, what is said of it can be printed, and
// it is trusted by nobody.
func FuzzChain(f *testing.F) {
	b := newBox(f)
	for _, change := range []func(*x509.Certificate){
		nil,
		func(c *x509.Certificate) { c.DNSNames = nil },
		func(c *x509.Certificate) {
			c.Subject.CommonName = "\x1b[2J"
			c.DNSNames = []string{"\x1b]0;x\x07", "*.*"}
		},
		func(c *x509.Certificate) { c.NotAfter = c.NotBefore },
	} {
		cert := b.certificate(change, "mx.corp.test")
		f.Add(cert.Leaf.Raw, b.ca.Raw, "mx.corp.test")
	}
	f.Add([]byte{}, []byte{0x30, 0x82}, "")
	f.Fuzz(func(t *testing.T, leaf, issuer []byte, host string) {
		var chain []*x509.Certificate
		for _, raw := range [][]byte{leaf, issuer} {
			if c, err := x509.ParseCertificate(raw); err == nil {
				chain = append(chain, c)
			}
		}
		roots := x509.NewCertPool() // nobody is trusted
		bars := false
		for _, flaw := range judgeChain(chain, host, b.now, roots) {
			bars = bars || flaw.Kind.Bars() || flaw.Kind == WeakKey
			if finding.Clean(flaw.Text, 300) != flaw.Text {
				t.Errorf("not fit to print: %q", flaw.Text)
			}
		}
		if !bars {
			t.Error("a chain that leads nowhere bars nobody")
		}
		for _, c := range facts(chain) {
			for _, text := range append(c.Names, c.Subject, c.Issuer) {
				if finding.Clean(text, 0) != text {
					t.Errorf("not fit to print: %q", text)
				}
			}
		}
	})
}

// Whatever stands in a TLSA record, it vouches for nothing by accident.
func FuzzVerify(f *testing.F) {
	b := newBox(f)
	s := Session{chain: []*x509.Certificate{b.ca}}
	f.Add("3 1 1 ab")
	f.Add("2 0 0 ")
	f.Fuzz(func(t *testing.T, record string) {
		usable, matches := s.Verify([]string{record})
		if matches && usable == 0 {
			t.Errorf("%q is not usable and matches", record)
		}
		if fields := strings.Fields(record); matches && len(fields[3]) < 2*sha256.Size {
			t.Errorf("%q matches by too little", record)
		}
	})
}

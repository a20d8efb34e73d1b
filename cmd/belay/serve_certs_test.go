package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"belay/providers/host/certs"
	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/mtasts"
)

// certsProgram is a belay in the box whose parts a test asks one by one.
func (b *box) certsProgram() *program {
	p := newProgram(b.World(), strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}, func(name string) (string, bool) {
		v, ok := b.env[name]
		return v, ok
	})
	p.keyring = func(context.Context, string) (string, error) { return "", nil }
	p.flags.state = b.state
	return p
}

// proof is a value as DNS-01 has it.
const proof = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"

// TestDNS01WantsOneConsent: without it nothing is written and the sentence names the
// command that gives it; with it a proof comes to every name server, and goes, and what
// stands beside it stays.
func TestDNS01WantsOneConsent(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	name := rollout.ChallengeName(b.Domain())
	record(name, "TXT", "somebody else's")(b)
	host := mtasts.PolicyHost(b.Domain())
	p := b.certsProgram()
	by := func(ways ...string) (records certs.Records, err error) {
		t.Helper()
		s, failed := p.open(t.Context())
		if failed != nil {
			t.Fatal(failed)
		}
		t.Cleanup(func() { s.close() })
		return p.byDNS(s, ways)(t.Context(), host, nil)
	}
	for _, ways := range [][]string{nil, {certs.TLSALPN}, {certs.HTTP, certs.DNS}} {
		if records, err := by(ways...); records != nil || err != nil {
			t.Errorf("by %q: %v, %v", ways, records, err)
		}
	}
	if _, err := by(certs.DNS); err == nil || !strings.Contains(err.Error(), "belay set "+b.Domain()+" --challenge dns") {
		t.Errorf("without consent: %v", err)
	}
	if n := b.Writes()[name]; n != 0 {
		t.Errorf("%d writes without consent", n)
	}

	b.must(exitGood, "set", b.Domain(), "--challenge", "dns")
	if told := b.must(exitGood, "log", b.Domain()).out; !strings.Contains(told, "certificates by DNS: belay may write "+name) {
		t.Errorf("the journal does not keep the consent:\n%s", told)
	}
	if told := b.must(exitGood, "status", b.Domain()).out; !strings.Contains(told, "by DNS") {
		t.Errorf("status does not tell of it:\n%s", told)
	}
	if records, err := by(certs.TLSALPN); records != nil || err != nil {
		t.Errorf("a server that is to use another way: %v, %v", records, err)
	}
	records, err := by()
	if err != nil || records == nil {
		t.Fatalf("with consent: %v, %v", records, err)
	}
	for _, step := range []struct {
		did  string
		do   func() error
		want []string
	}{
		{"put", func() error { return records.Put(t.Context(), proof) }, []string{proof, "somebody else's"}},
		{"await", func() error { return records.Await(t.Context(), proof) }, []string{proof, "somebody else's"}},
		{"remove", func() error { return records.Remove(t.Context(), proof) }, []string{"somebody else's"}},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.did, err)
		}
		got := b.Records(name, "TXT")
		for i := range got {
			got[i] = strings.Trim(got[i], `"`)
		}
		slices.Sort(got)
		if !slices.Equal(got, step.want) {
			t.Errorf("after %s there stand %q", step.did, got)
		}
	}
	// A resolver that is asked about the name before the proof is there would go on
	// denying it, to a CA that asks the same resolver too.
	for _, q := range b.Resolved() {
		if strings.HasPrefix(q, "_acme-challenge.") {
			t.Errorf("a resolver was asked for %s", q)
		}
	}

	b.must(exitGood, "set", b.Domain(), "--challenge=")
	if records, err := by(); records != nil || err != nil {
		t.Errorf("after the consent was taken back: %v, %v", records, err)
	}
	b.must(exitCannot, "set", b.Domain(), "--challenge", "http")
	if r := b.must(exitCannot, "set", b.Domain(), "--dns", "manual", "--challenge", "dns"); !strings.Contains(r.err, "by hand") {
		t.Errorf("records that are changed by hand: %s", r.err)
	}
}

// TestCAAIsFoundWhereItRules: at the host, at what it is an alias of, else above.
func TestCAAIsFoundWhereItRules(t *testing.T) {
	host, domain := "mta-sts.corp.test", "corp.test"
	for name, tc := range map[string]struct {
		make []func(*box)
		at   string
	}{
		"nowhere":                       {nil, ""},
		"at the domain":                 {[]func(*box){record(domain, "CAA", `0 issue "a.test"`)}, domain},
		"at the host, which goes first": {[]func(*box){record(domain, "CAA", `0 issue "a.test"`), record(host, "CAA", `0 issue "b.test"`)}, host},
		"at an alias's target": {[]func(*box){record(host, "A"), record(host, "AAAA"), record(host, "CNAME", "web.corp.test."),
			record("web.corp.test", "CAA", `0 issue "c.test"`), record(domain, "CAA", `0 issue "a.test"`)}, "web.corp.test"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t, lab.Options{})
			for _, f := range tc.make {
				f(b)
			}
			found, err := outside{b.World()}.caa(t.Context(), host)
			if err != nil || found.At != tc.at {
				t.Errorf("found %+v, %v", found, err)
			}
		})
	}
}

func TestWhereCertificatesAreKeptIsFoundAgain(t *testing.T) {
	b := newBox(t, lab.Options{})
	p := b.certsProgram()
	host := mtasts.PolicyHost(b.Domain())
	elsewhere := filepath.Join(t.TempDir(), "shared")
	for _, dir := range []string{"", elsewhere, ""} {
		given := &certificateFlags{dir: dir, ca: certs.LetsEncrypt, email: "admin@corp.test"}
		started := serveFlags{listen: []string{":8443"}, http: []string{"none"}, certificates: *given}
		at, err := p.certificateDir(given)
		if err = errors.Join(err, p.note(started)); err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(b.state, "certificates"); dir == "" && at != want || dir != "" && at != dir {
			t.Errorf("--certificates %q keeps them at %s", dir, at)
		}
		if err := certs.Folder(at).Store(t.Context(), "hosts/"+host+".json", []byte(`{"host":"`+host+`","serial":"0a`+filepath.Base(at)+`"}`)); err != nil {
			t.Fatal(err)
		}
		if by, err := p.noted(); err != nil || by.certificates.email != given.email || by.certificates.dir != at ||
			!slices.Equal(by.listen, started.listen) || !slices.Equal(by.http, started.http) || !by.certificates.noHTTP {
			t.Errorf("the wizard would rehearse by %+v, %v", by, err)
		}
		known, ok, err := keptCertificates{p}.HostCertificate(t.Context(), b.Domain())
		if err != nil || !ok || known.Serial != "0a"+filepath.Base(at) {
			t.Errorf("with --certificates %q another belay finds %+v, %v, %v", dir, known, ok, err)
		}
	}
	if err := p.note(serveFlags{own: ownFlags{certs: []string{"own.pem"}, keys: []string{"own.key"}}}); err != nil {
		t.Fatal(err)
	}
	if known, ok, err := (keptCertificates{p}).HostCertificate(t.Context(), b.Domain()); ok || err != nil {
		t.Errorf("of a server with certificates of the operator's own is told %+v, %v", known, err)
	}
	if err := p.note(serveFlags{certificates: certificateFlags{ca: certs.LetsEncrypt}}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.state, "certificates", "hosts", host+".json"), []byte("not JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := (keptCertificates{p}).HostCertificate(t.Context(), b.Domain()); ok || err == nil {
		t.Error("a damaged note is taken for one")
	}
}

// TestARenewalDoesNotWaitForTheStore: while it cannot be read, the last consent counts,
// and a host without one is proved in the other ways.
func TestARenewalDoesNotWaitForTheStore(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.must(exitGood, "set", b.Domain(), "--challenge", "dns")
	host := mtasts.PolicyHost(b.Domain())
	p := b.certsProgram()
	s, err := p.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byWays := p.byDNS(s, nil)
	if records, err := byWays(t.Context(), host, nil); records == nil || err != nil {
		t.Fatalf("with consent: %v, %v", records, err)
	}
	if records, err := byWays(t.Context(), "mta-sts.orphan.test", nil); records != nil || err != nil {
		t.Errorf("a host that the store does not know: %v, %v", records, err)
	}
	fresh, onlyDNS := p.byDNS(s, nil), p.byDNS(s, []string{certs.DNS})
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if records, err := byWays(t.Context(), host, nil); records == nil || err != nil {
		t.Errorf("by the last consent: %v, %v", records, err)
	}
	if records, err := fresh(t.Context(), host, nil); records != nil || err != nil {
		t.Errorf("by no consent that was ever read: %v, %v", records, err)
	}
	if _, err := onlyDNS(t.Context(), host, nil); err == nil {
		t.Error("a host that is to be proved by DNS alone is proved without consent")
	}
}

func TestHalfABindingIsRefused(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.env["BELAY_ACME_EAB_KID"] = "kid"
	r := b.must(exitCannot, "serve", "--listen", "127.0.0.1:0", "--http", "none", "--status", "none")
	if !strings.Contains(r.err, "BELAY_ACME_EAB_HMAC") || strings.Contains(r.err, "kid\"") {
		t.Errorf("said %s", r.err)
	}
	delete(b.env, "BELAY_ACME_EAB_KID")
	if r := b.must(exitCannot, "serve", "--challenge", "mail"); !strings.Contains(r.err, "tls-alpn") {
		t.Errorf("said %s", r.err)
	}
	if r := b.must(exitCannot, "serve", "--acme-ca", "http://ca.test/dir"); !strings.Contains(r.err, "no https URL") {
		t.Errorf("said %s", r.err)
	}
	if r := b.must(exitRefused, "serve", "--rehearse"); !strings.Contains(r.err, "nothing to rehearse") {
		t.Errorf("said %s", r.err)
	}
	b.start()
	b.must(exitGood, "set", b.Domain(), "--host", "serve")
	if r := b.must(exitCannot, "serve", "--rehearse", "--acme-ca", "https://ca.test/dir"); !strings.Contains(r.err, "--acme-staging") {
		t.Errorf("said %s", r.err)
	}
}

package certs_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay/providers/host/certs"
)

func TestWhatTheCARefusesIsToldInItsWords(t *testing.T) {
	later := http.Header{"Retry-After": {"7200"}}
	for name, tc := range map[string]struct {
		path    string
		status  int
		header  http.Header
		problem map[string]any
		kind    string
		said    string
		mend    string
		waits   time.Duration
	}{
		"its rate limits, and until when": {"/order-plz", 429, later,
			map[string]any{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many new orders (300) from this account"},
			"rateLimited", "rateLimited: too many new orders (300) from this account", "does not count against the limit", 2 * time.Hour},
		"each name's own problem": {"/order-plz", 403, nil,
			map[string]any{"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "refused",
				"subproblems": []map[string]any{{"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "forbidden by policy",
					"identifier": map[string]string{"type": "dns", "value": host}}}},
			"rejectedIdentifier", "rejectedIdentifier: refused; rejectedIdentifier: forbidden by policy (" + host + ")", "Another CA", time.Minute},
		"an account that it will not make": {"/sign-me-up", 400, nil,
			map[string]any{"type": "urn:ietf:params:acme:error:invalidContact", "detail": "no such mailbox\x1b[31m"},
			"invalidContact", "invalidContact: no such mailbox", "--acme-email", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, labOptions{})
			s, j := l.settings(certs.Folder(t.TempDir()))
			l.refuses(tc.path, tc.status, tc.header, tc.problem)
			i := l.open(s, j)
			i.manage(t, host)
			j.await(t, "no certificate")
			trouble := i.state(t, host).Trouble
			if trouble.Kind != tc.kind || !strings.HasPrefix(trouble.Said, tc.said) || !strings.Contains(trouble.Mend, tc.mend) {
				t.Errorf("told %+v", trouble)
			}
			if wait := trouble.Next.Sub(trouble.At).Round(time.Minute); wait != tc.waits {
				t.Errorf("it is tried again after %s, not %s", wait, tc.waits)
			}
			if strings.Contains(trouble.Said, "\x1b") {
				t.Errorf("a control character is told: %q", trouble.Said)
			}
			// Once it can be had, it is, and the trouble is over.
			l.refuse.Store(nil)
			l.clock.wind(3 * time.Hour)
			i.manage(t, host)
			j.await(t, "certificate obtained")
			if known := i.state(t, host); known.Trouble != nil || !known.Exists() {
				t.Errorf("known: %+v", known)
			}
		})
	}
}

func TestFailedValidationIsToldInTheCAsWords(t *testing.T) {
	l := newLab(t, labOptions{})
	l.zone.missing[host] = true
	s, j := l.settings(certs.Folder(t.TempDir()))
	s.Ways = []string{certs.HTTP}
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "no certificate")
	trouble := i.state(t, host).Trouble
	if trouble.Kind == "" || trouble.Mend == "" || !strings.HasPrefix(trouble.Said, trouble.Kind+": ") {
		t.Errorf("told %+v", trouble)
	}
}

func TestACAThatCannotBeReachedIsSaid(t *testing.T) {
	l := newLab(t, labOptions{})
	s, j := l.settings(certs.Folder(t.TempDir()))
	closed := listener(t)
	s.CA = "https://" + closed.Addr().String() + "/dir"
	closed.Close()
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "no certificate")
	if trouble := i.state(t, host).Trouble; !strings.HasPrefix(trouble.Said, "the CA could not be reached: ") || !strings.Contains(trouble.Mend, "HTTPS_PROXY") {
		t.Errorf("told %+v", trouble)
	}
}

func TestRateLimitsHoldOtherFirstOrdersBack(t *testing.T) {
	l := newLab(t, labOptions{})
	s, j := l.settings(certs.Folder(t.TempDir()))
	s.Pace = 1
	asked := 0
	limited := func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/order-plz") {
			return false
		}
		asked++
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many"}`))
		return true
	}
	l.refuse.Store(&limited)
	i := l.open(s, j)
	var hosts []string
	for _, c := range "abcdefgh" {
		hosts = append(hosts, "mta-sts."+string(c)+".test")
	}
	i.manage(t, hosts...)
	for range 3 {
		j.await(t, "no certificate")
	}
	i.Close() // waits for whatever is under way
	if asked > 4 {
		t.Errorf("a CA that takes no orders was asked %d times", asked)
	}
}

func TestABoundAccountIsAskedForAndUsed(t *testing.T) {
	l := newLab(t, labOptions{binding: true})
	const key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	if err := l.db.AddExternalAccountKeyByID("kid-1", key); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s, j := l.settings(certs.Folder(dir))
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "no certificate")
	if trouble := i.state(t, host).Trouble; trouble.Kind != "externalAccountRequired" || !strings.Contains(trouble.Mend, "BELAY_ACME_EAB_KID") {
		t.Errorf("told %+v", trouble)
	}
	i.Close()
	l.clock.wind(2 * time.Minute)
	s, j = l.settings(certs.Folder(dir))
	s.Binding = certs.Binding{KeyID: "kid-1", HMAC: key}
	i = l.open(s, j)
	i.manage(t, host)
	j.await(t, "certificate obtained")
	l.mustShow(host)

	if _, err := certs.Open(certs.Settings{CA: l.directory, Clock: l.clock, Storage: certs.Folder(dir), Binding: certs.Binding{KeyID: "kid-1"}}); err == nil {
		t.Error("half a binding was taken")
	}
}

func TestCAAInTheWayIsNamedBeforeAnOrder(t *testing.T) {
	l := newLab(t, labOptions{})
	s, j := l.settings(certs.Folder(t.TempDir()))
	s.CAA = func(context.Context, string) (certs.CAA, error) {
		return certs.CAA{At: "corp.test", Records: []string{"0 issue other-ca.test"}}, nil
	}
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "no certificate")
	trouble := i.state(t, host).Trouble
	if trouble.Kind != "caa" || !strings.Contains(trouble.Said, `the CAA record at corp.test forbids a certificate for mta-sts.corp.test`) ||
		!strings.Contains(trouble.Mend, `corp.test CAA 0 issue "pebble.letsencrypt.org"`) || l.orders.Load() != 0 {
		t.Errorf("told %+v after %d orders", trouble, l.orders.Load())
	}
}

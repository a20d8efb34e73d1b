package certs_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/host/certs"
	"belay/rollout"

	"github.com/caddyserver/certmagic"
)

const host = "mta-sts.corp.test"

func TestHandshakesAndRequestsProveTheHost(t *testing.T) {
	for _, way := range []string{certs.TLSALPN, certs.HTTP} {
		t.Run(way, func(t *testing.T) {
			l := newLab(t, labOptions{})
			s, j := l.settings(certs.Folder(t.TempDir()))
			s.Ways = []string{way}
			i := l.open(s, j)
			if _, err := l.shown(host); err == nil {
				t.Error("a host that nobody manages is served")
			}
			i.manage(t, host)
			j.await(t, "certificate obtained")
			leaf := l.mustShow(host)
			known := i.state(t, host)
			if known.Serial != serialOf(leaf) || !known.NotAfter.Equal(leaf.NotAfter) || known.Replaced != "" || known.Trouble != nil {
				t.Errorf("known of the certificate: %+v", known)
			}
			if due := leaf.NotAfter.Sub(known.RenewAt); due < 15*24*time.Hour || due > 60*24*time.Hour {
				t.Errorf("it is to be renewed %s before its end", due)
			}
			if _, err := l.shown("mta-sts.other.test"); err == nil {
				t.Error("another name is served")
			}
			i.manage(t)
			if _, err := l.shown(host); err == nil {
				t.Error("a host that is no longer managed is served")
			}
		})
	}
}

// txtRecords are Records in the lab's zone.
type txtRecords struct {
	z    *zone
	name string
}

func (r txtRecords) Put(_ context.Context, value string) error {
	r.z.mu.Lock()
	defer r.z.mu.Unlock()
	r.z.txt[r.name] = append(r.z.txt[r.name], value)
	return nil
}

func (r txtRecords) Await(context.Context, string) error { return nil }

func (r txtRecords) Remove(_ context.Context, value string) error {
	r.z.mu.Lock()
	defer r.z.mu.Unlock()
	r.z.txt[r.name] = slices.DeleteFunc(r.z.txt[r.name], func(v string) bool { return v == value })
	return nil
}

func TestARecordProvesAHostThatHasNoAddressYet(t *testing.T) {
	l := newLab(t, labOptions{})
	l.zone.missing[host] = true
	storage := certs.Folder(t.TempDir())
	name := rollout.ChallengeName("corp.test")
	l.zone.txt[name] = []string{"somebody else's", "left"}
	if err := storage.Store(t.Context(), "challenges/"+host+"/dns-left", nil); err != nil {
		t.Fatal(err)
	}
	s, j := l.settings(storage)
	s.ByDNS = func(_ context.Context, asked string, left []string) (certs.Records, error) {
		if asked != host || !slices.Equal(left, []string{"left"}) {
			t.Errorf("asked for the records of %s, left %q", asked, left)
		}
		return txtRecords{l.zone, name}, nil
	}
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "certificate obtained")
	l.mustShow(host)
	l.zone.mu.Lock()
	defer l.zone.mu.Unlock()
	if !slices.Equal(l.zone.txt[name], []string{"somebody else's"}) {
		t.Errorf("the record holds %q", l.zone.txt[name])
	}
}

func TestNoConsentIsSaidAndNothingOrdered(t *testing.T) {
	l := newLab(t, labOptions{})
	s, j := l.settings(certs.Folder(t.TempDir()))
	s.ByDNS = func(context.Context, string, []string) (certs.Records, error) {
		return nil, errors.New("nobody has consented; belay set corp.test --challenge dns does")
	}
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "no certificate")
	if trouble := i.state(t, host).Trouble; !strings.HasPrefix(trouble.Said, "nobody has consented") || l.orders.Load() != 0 {
		t.Errorf("said %q, ordered %d times", trouble.Said, l.orders.Load())
	}
}

// outsideOf looks at the lab's server as Settings.Outside does.
func (l *lab) outsideOf() func(context.Context, string) ([]certs.Shown, error) {
	return func(_ context.Context, name string) ([]certs.Shown, error) {
		leaf, err := l.shown(name)
		if err != nil {
			return []certs.Shown{{Address: "127.0.0.1", Err: err.Error()}}, nil
		}
		return []certs.Shown{{Address: "127.0.0.1", Fingerprint: fingerprint(leaf)}}, nil
	}
}

func TestRenewalComesInTimeAndIsProved(t *testing.T) {
	l := newLab(t, labOptions{})
	storage := certs.Folder(t.TempDir())
	s, j := l.settings(storage)
	s.Outside = l.outsideOf()
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "certificate obtained")
	j.await(t, "looked from outside")
	first := l.mustShow(host)
	l.clock.wind(70 * 24 * time.Hour)
	i.manage(t, host) // has it look at the clock at once
	j.await(t, "certificate obtained")
	j.await(t, "looked from outside")
	second := l.mustShow(host)
	known := i.state(t, host)
	if serialOf(second) == serialOf(first) || known.Replaced != serialOf(first) || known.Serial != serialOf(second) {
		t.Errorf("serial %s, then %s; known: %+v", serialOf(first), serialOf(second), known)
	}
	if known.Shown.IsZero() || !slices.Equal(known.At, []string{"127.0.0.1"}) || known.Unshown != "" {
		t.Errorf("the proof from outside: %+v", known)
	}
	told, ok, err := certs.Known(t.Context(), storage, host)
	if err != nil || !ok || told.Replaced != known.Replaced || !told.Shown.Equal(known.Shown) {
		t.Errorf("another process is told %+v, %v, %v", told, ok, err)
	}
	// A certificate that is due by this clock as soon as it comes is not ordered anew
	// without end.
	if n := l.orders.Load(); n != 2 {
		t.Errorf("ordered %d times", n)
	}
}

func TestRestartKeepsCertificatesAndOrdersNothing(t *testing.T) {
	l := newLab(t, labOptions{})
	dir := t.TempDir()
	s, j := l.settings(certs.Folder(dir))
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "certificate obtained")
	first := l.mustShow(host)
	i.Close()
	s, j = l.settings(certs.Folder(dir))
	again := l.open(s, j)
	again.manage(t, host)
	if serialOf(l.mustShow(host)) != serialOf(first) || l.orders.Load() != 1 {
		t.Errorf("after %d orders another certificate is served", l.orders.Load())
	}
}

func TestInstancesThatShareAStorageOrderOnce(t *testing.T) {
	l := newLab(t, labOptions{})
	dir := t.TempDir()
	s1, j1 := l.settings(certs.Folder(dir))
	s2, j2 := l.settings(certs.Folder(dir))
	one := l.open(s1, j1)
	two := l.open(s2, j2) // it alone is met at the policy host
	hosts := []string{host, "mta-sts.two.test"}
	var both sync.WaitGroup
	both.Go(func() { one.manage(t, hosts...) })
	both.Go(func() { two.manage(t, hosts...) })
	both.Wait()
	for range hosts {
		j1.await(t, "certificate obtained")
		j2.await(t, "certificate obtained")
	}
	if n := l.orders.Load(); n != 2 {
		t.Errorf("two hosts were ordered %d times", n)
	}
	for _, h := range hosts {
		if a, b := one.state(t, h), two.state(t, h); a.Serial != b.Serial || a.Serial == "" {
			t.Errorf("%s: one serves %s and the other %s", h, a.Serial, b.Serial)
		}
	}
	// A renewal too is made once, and the other takes it over.
	l.clock.wind(70 * 24 * time.Hour)
	both.Go(func() { one.manage(t, host) })
	both.Go(func() { two.manage(t, host) })
	both.Wait()
	j1.await(t, "certificate obtained")
	j2.await(t, "certificate obtained")
	if n := l.orders.Load(); n != 3 {
		t.Errorf("after a renewal there were %d orders", n)
	}
	if a, b := one.state(t, host), two.state(t, host); a.Serial != b.Serial || a.Replaced == "" {
		t.Errorf("one has %+v, the other %+v", a, b)
	}
}

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

// fillable is a storage whose disk fills up.
type fillable struct {
	certmagic.Storage
	mu   sync.Mutex
	full func(key string) bool
}

var errFull = errors.New("write: no space left on device")

func (f *fillable) Store(ctx context.Context, key string, value []byte) error {
	f.mu.Lock()
	full := f.full != nil && f.full(key)
	f.mu.Unlock()
	if full {
		return errFull
	}
	return f.Storage.Store(ctx, key, value)
}

func (f *fillable) fill(full func(key string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = full
}

func TestAFullDiskDuringARenewalLosesNothing(t *testing.T) {
	for name, full := range map[string]func(key string) bool{
		"full all along":                       func(string) bool { return true },
		"full when the certificate has come":   func(key string) bool { return strings.HasPrefix(key, "certificates/") },
		"full for what is known of it as well": func(key string) bool { return !strings.HasPrefix(key, "rw_test") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, labOptions{})
			disk := &fillable{Storage: certs.Folder(t.TempDir())}
			s, j := l.settings(disk)
			i := l.open(s, j)
			i.manage(t, host)
			j.await(t, "certificate obtained")
			first := l.mustShow(host)
			disk.fill(full)
			l.clock.wind(70 * 24 * time.Hour)
			i.manage(t, host)
			j.await(t, "no certificate")
			if trouble := i.state(t, host).Trouble; !strings.Contains(trouble.Said, "no space left") || !strings.Contains(trouble.Mend, "Make room") {
				t.Errorf("told %+v", trouble)
			}
			if serialOf(l.mustShow(host)) != serialOf(first) {
				t.Error("the certificate in use is no longer served")
			}
			i.Close()

			// What is on the disk serves after a restart, and is renewed once there is room.
			s, j = l.settings(disk)
			i = l.open(s, j)
			disk.fill(nil)
			i.manage(t, host)
			if leaf := l.mustShow(host); leaf == nil {
				t.Fatal("nothing is served after a restart")
			}
			j.await(t, "certificate obtained")
			if serialOf(l.mustShow(host)) == serialOf(first) {
				t.Error("it is not renewed though there is room")
			}
		})
	}
}

func TestARehearsalIsAnsweredByTheServerBesideAndTouchesNothing(t *testing.T) {
	l := newLab(t, labOptions{})
	staging := newLab(t, labOptions{https: l.tls, http: l.http, zone: l.zone})
	storage := certs.Folder(t.TempDir())
	s, j := l.settings(storage)
	i := l.open(s, j) // it alone is met at the policy host
	i.manage(t, host, "mta-sts.broken.test")
	j.await(t, "certificate obtained")
	j.await(t, "certificate obtained")
	first := l.mustShow(host)

	apart := certs.Folder(t.TempDir())
	rs, _ := staging.settings(apart)
	for range 2 { // a rehearsal can be repeated
		r, err := certs.OpenRehearsal(rs, storage)
		if err != nil {
			t.Fatal(err)
		}
		var told []rollout.HostCertificate
		if err := r.Run(t.Context(), []string{host}, func(k rollout.HostCertificate) { told = append(told, k) }); err != nil {
			t.Fatal(err)
		}
		r.Close()
		if len(told) != 1 || told[0].Trouble != nil || !told[0].Exists() {
			t.Errorf("the rehearsal tells %+v", told)
		}
	}
	if staging.orders.Load() != 2 || l.orders.Load() != 2 {
		t.Errorf("%d orders at the staging directory, %d at the CA", staging.orders.Load(), l.orders.Load())
	}
	if serialOf(l.mustShow(host)) != serialOf(first) {
		t.Error("the rehearsal changed what is served")
	}
}

func TestACertificateThatTheCAWantsBackIsRenewedOnceAnHour(t *testing.T) {
	l := newLab(t, labOptions{})
	s, j := l.settings(certs.Folder(t.TempDir()))
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "certificate obtained")
	first := l.mustShow(host)
	l.wantsBack(first)
	i.Retry()
	j.await(t, "the CA suggests when to renew")
	j.await(t, "certificate obtained")
	// A CA that wants each back as it comes is not obeyed without end.
	l.wantsBack(l.mustShow(host))
	i.Retry()
	j.await(t, "the CA suggests when to renew")
	i.Close() // waits for whatever is under way
	if known := i.state(t, host); known.Replaced != serialOf(first) || l.orders.Load() != 2 {
		t.Errorf("after %d orders: %+v", l.orders.Load(), known)
	}
}

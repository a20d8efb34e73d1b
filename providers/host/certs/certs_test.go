package certs_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/host/certs"
	"belay/rollout"
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
	one.manage(t, host)
	two.manage(t, host)
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

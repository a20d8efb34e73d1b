package certs_test

import (
	"net/http"
	"testing"
	"time"

	"belay/providers/host/certs"
)

// unavailable is what a CA says that is out of order for the time that Retry-After gives.
var unavailable = map[string]any{"type": "urn:ietf:params:acme:error:serverInternal", "detail": "out of order"}

// restarted is an instance in the place of i, from the same storage.
func (l *lab) restarted(i instance, dir string) instance {
	l.t.Helper()
	i.Close()
	s, j := l.settings(certs.Folder(dir))
	again := l.open(s, j)
	again.manage(l.t, host)
	return again
}

// TestARestartOrdersNothingBeforeItsTime: a server that crashes and is started again
// without end keeps the pauses between attempts.
func TestARestartOrdersNothingBeforeItsTime(t *testing.T) {
	l := newLab(t, labOptions{})
	dir := t.TempDir()
	l.refuses("/order-plz", http.StatusForbidden, nil, map[string]any{"type": "urn:ietf:params:acme:error:unauthorized", "detail": "no"})
	s, j := l.settings(certs.Folder(dir))
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "no certificate")
	next := i.state(t, host).Trouble.Next
	l.refuse.Store(nil)
	for range 3 {
		i = l.restarted(i, dir)
	}
	i.Close() // waits for whatever is under way
	if known := i.state(t, host); l.orders.Load() != 0 || known.Trouble == nil || !known.Trouble.Next.Equal(next) {
		t.Errorf("%d orders after restarts; the next was due at %s: %+v", l.orders.Load(), next, known.Trouble)
	}
	l.clock.wind(2 * time.Minute)
	i = l.restarted(i, dir)
	i.log.await(t, "certificate obtained")
}

// TestASignalDoesNotOutrankTheCA: SIGHUP has what failed tried again, but not before the
// CA allows it, whatever its reason, nor again and again within minutes.
func TestASignalDoesNotOutrankTheCA(t *testing.T) {
	l := newLab(t, labOptions{})
	dir := t.TempDir()
	l.refuses("/order-plz", http.StatusServiceUnavailable, http.Header{"Retry-After": {"7200"}}, unavailable)
	s, j := l.settings(certs.Folder(dir))
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "no certificate")
	l.refuse.Store(nil)
	l.clock.wind(time.Hour)
	i.Retry()
	i = l.restarted(i, dir)
	i.Retry()
	i.Close()
	if trouble := i.state(t, host).Trouble; l.orders.Load() != 0 || trouble == nil || trouble.Until.IsZero() || !trouble.Next.Equal(trouble.Until) {
		t.Errorf("%d orders before the CA takes any: %+v", l.orders.Load(), trouble)
	}
	l.clock.wind(time.Hour)
	i = l.restarted(i, dir)
	i.log.await(t, "certificate obtained")
}

func TestSignalsInARowAreOneAttempt(t *testing.T) {
	l := newLab(t, labOptions{})
	dir := t.TempDir()
	l.refuses("/order-plz", http.StatusForbidden, nil, map[string]any{"type": "urn:ietf:params:acme:error:unauthorized", "detail": "no"})
	s, j := l.settings(certs.Folder(dir))
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "no certificate")
	for range 3 { // the pause after the fourth attempt is half an hour
		l.clock.wind(20 * time.Minute)
		i.Retry()
		j.await(t, "no certificate")
	}
	i.Retry()
	if trouble := i.state(t, host).Trouble; trouble.Next.Sub(trouble.At) != 5*time.Minute {
		t.Errorf("a signal right after an attempt brings the next one after %s", trouble.Next.Sub(trouble.At))
	}
	l.refuse.Store(nil)
	i = l.restarted(i, dir)
	i.Retry()
	i.Close()
	if n := l.orders.Load(); n != 0 {
		t.Errorf("%d orders by signals in a row", n)
	}
	l.clock.wind(5 * time.Minute)
	i = l.restarted(i, dir)
	i.Retry()
	i.log.await(t, "certificate obtained")
}

// TestAnotherCAIsNotHeldBack: what one CA refused says nothing of the next.
func TestAnotherCAIsNotHeldBack(t *testing.T) {
	l := newLab(t, labOptions{})
	other := newLab(t, labOptions{https: l.tls, http: l.http, zone: l.zone})
	dir := t.TempDir()
	l.refuses("/order-plz", http.StatusTooManyRequests, http.Header{"Retry-After": {"7200"}}, map[string]any{"type": "urn:ietf:params:acme:error:rateLimited"})
	s, j := l.settings(certs.Folder(dir))
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "no certificate")
	i.Close()
	s, j = other.settings(certs.Folder(dir))
	c := l.open(s, j)
	c.manage(t, host)
	j.await(t, "certificate obtained")
}

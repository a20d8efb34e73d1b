package certs_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"belay/providers/host/certs"
	"belay/rollout"

	"github.com/caddyserver/certmagic"
)

// slowRecords are records whose name servers take their time: Await ends with shown.
type slowRecords struct {
	txtRecords
	awaited chan string
	shown   chan struct{}
}

func (r slowRecords) Await(ctx context.Context, value string) error {
	r.awaited <- value
	select {
	case <-r.shown:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// puttingRecords tell that something is put.
type puttingRecords struct {
	txtRecords
	put chan struct{}
}

func (r puttingRecords) Put(ctx context.Context, value string) error {
	r.put <- struct{}{}
	return r.txtRecords.Put(ctx, value)
}

// lockable is a storage that tells of each lock that is asked for.
type lockable struct {
	certmagic.Storage
	asked chan string
}

func (l lockable) Lock(ctx context.Context, name string) error {
	l.asked <- name
	return l.Storage.Lock(ctx, name)
}

// TestARehearsalLeavesTheProofOfAnOrderUnderWay: it waits for the server's order of the
// same host, whose proof it would otherwise take for one of an order that never ended.
func TestARehearsalLeavesTheProofOfAnOrderUnderWay(t *testing.T) {
	l := newLab(t, labOptions{})
	staging := newLab(t, labOptions{https: l.tls, http: l.http, zone: l.zone})
	storage := certs.Folder(t.TempDir())
	records := txtRecords{l.zone, rollout.ChallengeName("corp.test")}
	slow := slowRecords{records, make(chan string, 1), make(chan struct{})}
	s, j := l.settings(storage)
	s.ByDNS = func(context.Context, string, []string) (certs.Records, error) { return slow, nil }
	i := l.open(s, j)
	i.manage(t, host)
	value := <-slow.awaited

	rs, _ := staging.settings(certs.Folder(t.TempDir()))
	put := make(chan struct{}, 1)
	rs.ByDNS = func(context.Context, string, []string) (certs.Records, error) {
		return puttingRecords{records, put}, nil
	}
	asked := make(chan string, 10)
	r, err := certs.OpenRehearsal(rs, lockable{storage, asked})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var told rollout.HostCertificate
	var rehearsing sync.WaitGroup
	rehearsing.Go(func() {
		if err := r.Run(t.Context(), []string{host}, func(k rollout.HostCertificate) { told = k }); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-asked: // it waits
	case <-put:
		t.Error("the rehearsal did not wait for the order under way")
	case <-time.After(patience):
		t.Fatal("the rehearsal does nothing")
	}
	l.zone.mu.Lock()
	stands := slices.Contains(l.zone.txt[records.name], value)
	l.zone.mu.Unlock()
	if !stands {
		t.Error("the rehearsal took the proof of the order under way away")
	}
	close(slow.shown)
	j.await(t, "certificate obtained")
	rehearsing.Wait()
	if told.Trouble != nil || !told.Exists() {
		t.Errorf("the rehearsal tells %+v", told)
	}
}

// TestWhatACrashLeftIsSweptAway: answers of orders that never ended go with the next
// order of the host.
func TestWhatACrashLeftIsSweptAway(t *testing.T) {
	l := newLab(t, labOptions{})
	storage := certs.Folder(t.TempDir())
	for _, key := range []string{"/http-old", "/tls-alpn"} {
		if err := storage.Store(t.Context(), "challenges/"+host+key, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	s, j := l.settings(storage)
	s.Ways = []string{certs.HTTP}
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "certificate obtained")
	if left, err := storage.List(t.Context(), "challenges/"+host, false); err != nil || len(left) > 0 {
		t.Errorf("left are %q, %v", left, err)
	}
}

// stuckRecords are records that are never taken away: the DNS account does not answer.
type stuckRecords struct {
	txtRecords
	removing chan struct{}
}

func (r stuckRecords) Remove(ctx context.Context, _ string) error {
	r.removing <- struct{}{}
	<-ctx.Done()
	return ctx.Err()
}

// TestAnEndDoesNotWaitForADNSAccountThatHangs: what it could not take away is written
// down, and the next order does.
func TestAnEndDoesNotWaitForADNSAccountThatHangs(t *testing.T) {
	l := newLab(t, labOptions{})
	storage := certs.Folder(t.TempDir())
	stuck := stuckRecords{txtRecords{l.zone, rollout.ChallengeName("corp.test")}, make(chan struct{}, 1)}
	s, j := l.settings(storage)
	s.ByDNS = func(context.Context, string, []string) (certs.Records, error) { return stuck, nil }
	i := l.open(s, j)
	i.manage(t, host)
	<-stuck.removing
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		i.Close()
	}()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the end waits for a DNS account that hangs")
	}
	if left, err := storage.List(context.Background(), "challenges/"+host, false); err != nil || len(left) != 1 {
		t.Errorf("written down is %q, %v", left, err)
	}
}

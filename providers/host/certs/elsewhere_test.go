package certs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"belay/providers/host/certs"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// counted is a storage that counts what is read of challenges.
type counted struct {
	certmagic.Storage
	reads atomic.Int32
}

func (c *counted) count(key string) {
	if strings.HasPrefix(key, "challenges") {
		c.reads.Add(1)
	}
}

func (c *counted) Load(ctx context.Context, key string) ([]byte, error) {
	c.count(key)
	return c.Storage.Load(ctx, key)
}

func (c *counted) List(ctx context.Context, prefix string, recursive bool) ([]string, error) {
	c.count(prefix)
	return c.Storage.List(ctx, prefix, recursive)
}

// idle is an instance that serves host and has nothing to order, at a storage that
// counts.
func idle(t *testing.T, l *lab) *counted {
	t.Helper()
	storage := &counted{Storage: certs.Folder(t.TempDir())}
	s, j := l.settings(storage)
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "certificate obtained")
	storage.reads.Store(0)
	return storage
}

// asks is what a request for the answer to a challenge is told.
func asks(l *lab, at, token string) (status int, told string) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "http://"+at+"/.well-known/acme-challenge/"+token, nil)
	l.front.Load().plain.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// allowed is how often the storage may be read since began: four looks a second, each
// of so many reads, and a few more.
func allowed(began time.Time, reads int32) int32 {
	return 4 + reads*(6+4*int32(time.Since(began)/time.Second))
}

// TestStrangersDoNotHaveTheStorageRead as often as they ask for the answer to a
// challenge, by handshake or request.
func TestStrangersDoNotHaveTheStorageRead(t *testing.T) {
	l := newLab(t, labOptions{})
	storage := idle(t, l)
	began := time.Now()
	var all sync.WaitGroup
	for n := range 500 {
		all.Go(func() {
			if status, _ := asks(l, host, fmt.Sprint("token-", n)); status != http.StatusNotFound {
				t.Errorf("a stranger is told %d", status)
			}
		})
		if n%10 == 0 {
			all.Go(func() {
				if _, err := l.proof(host); err == nil {
					t.Error("a stranger is shown the proof of nothing")
				}
			})
		}
	}
	all.Wait()
	if n := storage.reads.Load(); n == 0 || n > allowed(began, 1) {
		t.Errorf("550 strangers had the storage read %d times", n)
	}
	storage.reads.Store(0)
	for n := range 50 {
		asks(l, fmt.Sprintf("mta-sts.unknown-%d.test", n), "token")
		asks(l, host, "../token")
	}
	if n := storage.reads.Load(); n != 0 {
		t.Errorf("names that are not served and what is no token had the storage read %d times", n)
	}
}

// TestAnOrderElsewhereIsAnsweredAtOnce, though strangers were told a moment before that
// there is none.
func TestAnOrderElsewhereIsAnsweredAtOnce(t *testing.T) {
	l := newLab(t, labOptions{})
	storage := idle(t, l)
	began := time.Now()
	for n := range 2 {
		token := fmt.Sprint("token-", n)
		if status, _ := asks(l, host, token); status != http.StatusNotFound {
			t.Fatalf("before there is an order, its challenge is told: %d", status)
		}
		for kind, key := range map[string]string{acme.ChallengeTypeHTTP01: "http-" + token, acme.ChallengeTypeTLSALPN01: "tls-alpn"} {
			text, err := json.Marshal(acme.Challenge{
				Type: kind, Token: token, KeyAuthorization: token + ".thumbprint", Identifier: acme.Identifier{Type: "dns", Value: host},
			})
			if err == nil {
				err = storage.Store(t.Context(), "challenges/"+host+"/"+key, text)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		// As CAs do, from several places at the same time.
		var places sync.WaitGroup
		for range 5 {
			places.Go(func() {
				if status, told := asks(l, host, token); status != http.StatusOK || told != token+".thumbprint" {
					t.Errorf("the CA is told %d %q", status, told)
				}
				if _, err := l.proof(host); err != nil {
					t.Errorf("the CA's handshake: %v", err)
				}
			})
		}
		places.Wait()
	}
	if n := storage.reads.Load(); n > allowed(began, 5) {
		t.Errorf("the storage was read %d times", n)
	}
}

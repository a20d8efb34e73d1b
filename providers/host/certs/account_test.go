package certs_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"belay/providers/host/certs"
)

// signedBy is the account by which a request to the CA is signed; its body can be read
// again.
func signedBy(t *testing.T, r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var request struct{ Protected string }
	var header struct{ Kid string }
	if err := json.Unmarshal(body, &request); err != nil {
		t.Error(err)
	}
	text, err := base64.RawURLEncoding.DecodeString(request.Protected)
	if err == nil {
		err = json.Unmarshal(text, &header)
	}
	if err != nil {
		t.Error(err)
	}
	return header.Kid
}

// TestAnAccountThatTheCAForgotIsReplacedOnce: an order that learns of it late does not
// throw away the account which another order has made since.
func TestAnAccountThatTheCAForgotIsReplacedOnce(t *testing.T) {
	l := newLab(t, labOptions{})
	var mu sync.Mutex
	var old string
	made, waiting := 0, 0
	both, anew := make(chan struct{}), make(chan struct{})
	forgets := func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/sign-me-up") {
			mu.Lock()
			made++
			mu.Unlock()
			return false
		}
		if !strings.HasPrefix(r.URL.Path, "/order-plz") {
			return false
		}
		account := signedBy(t, r)
		mu.Lock()
		if old == "" {
			old = account
		}
		if account != old {
			select {
			case <-anew:
			default:
				close(anew)
			}
			mu.Unlock()
			return false
		}
		waiting++
		late := waiting == 2
		mu.Unlock()
		if late {
			close(both)
			<-anew // the other order has an account again
		} else {
			<-both
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"type":"urn:ietf:params:acme:error:accountDoesNotExist","detail":"who are you?"}`)
		return true
	}
	l.refuse.Store(&forgets)
	s, j := l.settings(certs.Folder(t.TempDir()))
	i := l.open(s, j)
	i.manage(t, host, "mta-sts.two.test")
	if line := j.await(t, "the CA does not know the ACME account any more"); !strings.Contains(line, "accounturi") || !strings.Contains(line, old) {
		t.Errorf("the log says %q", line)
	}
	j.await(t, "certificate obtained")
	j.await(t, "certificate obtained")
	mu.Lock()
	defer mu.Unlock()
	if made != 2 {
		t.Errorf("%d accounts were made for one that was forgotten", made)
	}
}

func TestADamagedAccountIsNamed(t *testing.T) {
	l := newLab(t, labOptions{})
	storage := certs.Folder(t.TempDir())
	s, j := l.settings(storage)
	i := l.open(s, j)
	i.manage(t, host)
	j.await(t, "certificate obtained")
	i.Close()
	keys, err := storage.List(t.Context(), "acme", true)
	if err != nil {
		t.Fatal(err)
	}
	var at string
	for _, key := range keys {
		if strings.HasSuffix(key, ".account") {
			at = key
		}
	}
	if err := storage.Store(t.Context(), at, []byte(`{"acc`)); err != nil {
		t.Fatal(err)
	}
	s, j = l.settings(storage)
	i = l.open(s, j)
	i.manage(t, host, "mta-sts.two.test")
	j.await(t, "no certificate")
	if trouble := i.state(t, "mta-sts.two.test").Trouble; !strings.Contains(trouble.Said, at) || !strings.Contains(trouble.Mend, "accounturi") {
		t.Errorf("told %+v of %s", trouble, at)
	}
}

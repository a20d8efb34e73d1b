package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"belay/providers/inbox"
	"belay/providers/inbox/receiver"
	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/tlsrpt"
	"belay/rollout/world"
)

func reportOf(id, domain string) string {
	return fmt.Sprintf(`{"organization-name":"Sender","date-range":{"start-datetime":"2026-06-14T00:00:00Z",
"end-datetime":"2026-06-14T23:59:59Z"},"contact-info":"tls@sender.test","report-id":%q,"policies":[{"policy":{"policy-type":"sts","policy-domain":%q},
"summary":{"total-successful-session-count":10,"total-failure-session-count":1}}]}`, id, domain)
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	return string(lab.Gzip(text))
}

// served is a receiver over TLS in front of a real store.
func served(t *testing.T, limits receiver.Limits, kept rollout.Reports) (post func(kind, body string) (int, string)) {
	t.Helper()
	server := httptest.NewUnstartedServer(receiver.New(receiver.Options{
		Limits: limits,
		Importer: func(context.Context) (*inbox.Importer, error) {
			return &inbox.Importer{Store: kept, Owner: inbox.Owners(map[string][]string{"corp.test": nil}), Clock: world.SystemClock()}, nil
		},
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that the client opened for nothing
	server.StartTLS()
	t.Cleanup(server.Close)
	return func(kind, body string) (int, string) {
		t.Helper()
		answer, err := server.Client().Post(server.URL+receiver.Path, kind, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
}

// shelf keeps reports, and knows one again by its id and domain.
type shelf struct {
	rollout.Reports
	mu   sync.Mutex
	kept []rollout.ReceivedReport
}

func (s *shelf) AddReports(_ context.Context, rs []rollout.ReceivedReport) (taken []rollout.Taken, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rs {
		if slices.ContainsFunc(s.kept, func(k rollout.ReceivedReport) bool { return k.Report.ReportID == r.Report.ReportID }) {
			taken = append(taken, rollout.TakenDuplicate)
			continue
		}
		s.kept, taken = append(s.kept, r), append(taken, rollout.TakenNew)
	}
	return taken, nil
}

func TestWhatIsPosted(t *testing.T) {
	kept := new(shelf)
	post := served(t, receiver.Limits{}, kept)
	const plain, packed = "application/tlsrpt+json", "application/tlsrpt+gzip"
	for _, row := range []struct {
		name, kind, body string
		want             int
	}{
		{"JSON", plain, reportOf("1", "corp.test"), 201},
		{"the same again", plain, reportOf("1", "corp.test"), 200},
		{"the same, gzipped", packed, gzipped(t, reportOf("1", "corp.test")), 200},
		{"gzip", packed, gzipped(t, reportOf("2", "corp.test")), 201},
		{"a type with a parameter", "Application/TLSRPT+JSON; charset=utf-8", reportOf("3", "corp.test"), 201},
		{"a type that is wrong about it", plain, gzipped(t, reportOf("4", "corp.test")), 201},
		{"another type", "application/json", reportOf("5", "corp.test"), 415},
		{"no type", "", reportOf("5", "corp.test"), 415},
		{"a stranger's domain", plain, reportOf("6", "other.test"), 403},
		{"no JSON", plain, "hello", 400},
		{"half of it", packed, gzipped(t, reportOf("7", "corp.test"))[:100], 400},
		{"another JSON", plain, `{"a":1}`, 400},
		{"a mail", plain, "From: a@b.test\r\n\r\n" + reportOf("8", "corp.test"), 400},
		{"nothing", plain, "", 400},
		{"a bomb", packed, gzipped(t, strings.Repeat(" ", tlsrpt.MaxReport+1)), 400},
		{"too large", plain, reportOf("9", "corp.test") + strings.Repeat(" ", tlsrpt.MaxWire), 413},
		{"large", plain, reportOf("10", "corp.test") + strings.Repeat(" ", 1<<20), 201},
	} {
		if got, text := post(row.kind, row.body); got != row.want || strings.Contains(text, "corp.test") || strings.Contains(text, "other.test") {
			t.Errorf("%s: %d %q, want %d", row.name, got, text, row.want)
		}
	}
	if len(kept.kept) != 5 {
		t.Errorf("%d reports were kept, want 5", len(kept.kept))
	}
	for _, r := range kept.kept {
		if r.Standing != rollout.Posted || r.Signer != "" || r.Submitter != "sender.test" || !strings.HasPrefix(r.Source, "https://") || !strings.HasSuffix(r.Source, receiver.Path) ||
			len(r.Raw) == 0 || r.Report.Policies[0].Domain != "corp.test" {
			t.Errorf("kept as %+v", r)
		}
	}
}

func TestOnlyPosts(t *testing.T) {
	w := httptest.NewRecorder()
	receiver.New(receiver.Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, receiver.Path, nil))
	if w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("%d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestTooManyAtOnce(t *testing.T) {
	post := served(t, receiver.Limits{PerMinute: 1, Burst: 3}, new(shelf))
	var codes []int
	for i := range 5 {
		code, _ := post("application/tlsrpt+json", reportOf(fmt.Sprint(i), "corp.test"))
		codes = append(codes, code)
	}
	if got := fmt.Sprint(codes); got != "[201 201 201 429 429]" {
		t.Errorf("answers %s", got)
	}
}

// full is a store that cannot be written to.
type full struct{ rollout.Reports }

func (full) AddReports(context.Context, []rollout.ReceivedReport) ([]rollout.Taken, error) {
	return nil, errors.New("the disk is full")
}

func TestStoreThatCannotBeWrittenTo(t *testing.T) {
	post := served(t, receiver.Limits{}, full{})
	if code, text := post("application/tlsrpt+json", reportOf("1", "corp.test")); code != 503 || strings.Contains(text, "disk") {
		t.Errorf("%d %q", code, text)
	}
}

func TestManyAtOnceAreEachStoredOnce(t *testing.T) {
	kept := new(shelf)
	post := served(t, receiver.Limits{Burst: 1000}, kept)
	var mu sync.Mutex
	counts := map[int]int{}
	var posting sync.WaitGroup
	for i := range 60 {
		posting.Go(func() {
			code, _ := post("application/tlsrpt+gzip", gzipped(t, reportOf(fmt.Sprint(i%20), "corp.test")))
			mu.Lock()
			defer mu.Unlock()
			counts[code]++
		})
	}
	posting.Wait()
	if counts[201] != 20 || counts[200] != 40 || len(kept.kept) != 20 {
		t.Errorf("answers %v; %d reports were kept", counts, len(kept.kept))
	}
}

// One client that opens many posts and never ends them keeps nobody else from posting.
func TestASlowClientHoldsOthersNotUp(t *testing.T) {
	kept := new(shelf)
	rc := receiver.New(receiver.Options{Importer: func(context.Context) (*inbox.Importer, error) {
		return &inbox.Importer{Store: kept, Owner: inbox.Owners(map[string][]string{"corp.test": nil}), Clock: world.SystemClock()}, nil
	}})
	post := func(ctx context.Context, from string, body io.Reader) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, receiver.Path, body)
		r.Header.Set("Content-Type", "application/tlsrpt+json")
		r.RemoteAddr = from
		rc.ServeHTTP(w, r)
		return w.Code
	}
	ctx, cancel := context.WithCancel(t.Context())
	var slow sync.WaitGroup
	begun := make(chan struct{}, 40)
	for range 40 {
		body, w := io.Pipe()
		context.AfterFunc(ctx, func() { w.Close() })
		slow.Go(func() { post(ctx, "192.0.2.1:1000", awaited{body, begun}) })
	}
	for range 4 {
		<-begun
	}
	if code := post(t.Context(), "192.0.2.2:1000", strings.NewReader(reportOf("1", "corp.test"))); code != 201 {
		t.Errorf("another client is answered %d", code)
	}
	if len(begun) > 0 { // a place that is given back lets the next one in
		t.Errorf("%d more posts of one client are read at once than its 4", len(begun))
	}
	cancel()
	slow.Wait()
}

// awaited is a body that says when it is read first.
type awaited struct {
	io.Reader
	begun chan struct{}
}

func (a awaited) Read(p []byte) (int, error) {
	a.begun <- struct{}{}
	return a.Reader.Read(p)
}

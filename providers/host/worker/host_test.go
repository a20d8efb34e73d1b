package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay/providers/host/worker"
	"belay/providers/lab/vendor"
	"belay/rollout"
	"belay/rollout/mtasts"
)

const (
	first  = "version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmax_age: 86400\r\n"
	second = "version: STSv1\r\nmode: enforce\r\nmx: mx1.corp.test\r\nmax_age: 86400\r\n"
)

func open(t *testing.T) (*vendor.Cloudflare, *worker.Host) {
	t.Helper()
	api := vendor.NewCloudflare("corp.test")
	t.Cleanup(api.Close)
	h, err := worker.Open(worker.Options{Domain: "corp.test", Token: api.Token, BaseURL: api.URL()})
	if err != nil {
		t.Fatal(err)
	}
	return api, h
}

func change(before, after rollout.Value) rollout.Edit {
	return rollout.Edit{ID: "1", Kind: rollout.Policy, Account: "cloudflare-worker", Name: mtasts.PolicyURL("corp.test"), Type: "policy", Before: before, After: after}
}

func TestABodyIsWrittenOnceAndReadBack(t *testing.T) {
	api, h := open(t)
	publish := change(rollout.Absent(), rollout.Body(first))
	r, err := h.Apply(t.Context(), publish)
	if err != nil || r.Outcome != rollout.Applied || !strings.Contains(r.Detail, "certificate") {
		t.Fatalf("the first body: %+v, %v", r, err)
	}
	if r, err = h.Apply(t.Context(), publish); err != nil || r.Outcome != rollout.Found {
		t.Errorf("the same again: %+v, %v", r, err)
	}
	held, err := h.Read(t.Context(), publish)
	if err != nil || held.Value.Body != first {
		t.Errorf("read back %+v, %v", held, err)
	}
	if r, err = h.Apply(t.Context(), change(rollout.Body(first), rollout.Body(second))); err != nil || r.Outcome != rollout.Applied {
		t.Errorf("the next body: %+v, %v", r, err)
	}
	if n := api.Writes(api.Scripts()[0]); n != 2 {
		t.Errorf("two bodies took %d uploads", n)
	}
	if r, err = h.Apply(t.Context(), change(rollout.Body(first), rollout.Body(second+"\r\n"))); r.Outcome != rollout.Found && !errors.Is(err, rollout.ErrStale) {
		t.Errorf("a plan that saw the body before: %+v, %v", r, err)
	}
	r, err = h.Apply(t.Context(), change(rollout.Body(first), rollout.Body(strings.Replace(first, "86400", "604800", 1))))
	if r.Outcome != rollout.Refused || !errors.Is(err, rollout.ErrStale) || !strings.Contains(r.Saw.Body, "enforce") {
		t.Errorf("a plan that saw another body: %+v, %v", r, err)
	}
}

// A script whose custom domain is gone serves nobody: nothing stands there, and the
// next write leads the name to it again without uploading anything.
func TestAScriptThatNothingLeadsToServesNobody(t *testing.T) {
	api, h := open(t)
	publish := change(rollout.Absent(), rollout.Body(first))
	if _, err := h.Apply(t.Context(), publish); err != nil {
		t.Fatal(err)
	}
	api.DropDomains()
	if held, err := h.Read(t.Context(), publish); err != nil || held.Value.Exists {
		t.Errorf("it reads %+v, %v", held, err)
	}
	if r, err := h.Apply(t.Context(), publish); err != nil || r.Outcome != rollout.Applied || !api.Serves("mta-sts.corp.test") {
		t.Errorf("led there again: %+v, %v", r, err)
	}
	if n := api.Writes(api.Scripts()[0]); n != 1 {
		t.Errorf("it was uploaded %d times", n)
	}
}

// What another store uploads between belay's reading and its own write is not
// written over.
func TestABodyThatChangesBeforeTheWriteIsLeft(t *testing.T) {
	third := strings.Replace(second, "86400", "604800", 1)
	for _, tc := range []struct {
		shows     string
		unled     bool // nothing leads to the script
		want      string
		outcome   rollout.Outcome
		meanwhile string
	}{
		{"another body", false, second, rollout.Refused, third},
		{"another body in a script that nothing leads to yet", true, second, rollout.Failed, third},
		{"the wanted body", false, second, rollout.Applied, second},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			api, h := open(t)
			if _, err := h.Apply(t.Context(), change(rollout.Absent(), rollout.Body(first))); err != nil {
				t.Fatal(err)
			}
			name, before := api.Scripts()[0], rollout.Body(first)
			if tc.unled {
				api.DropDomains()
				before = rollout.Absent()
			}
			mine, reads := api.Writes(name), 0
			theirs := strings.Replace(api.Script(name), strings.Trim(encoded(t, first), `"`), strings.Trim(encoded(t, tc.meanwhile), `"`), 1)
			api.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
				if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/content") {
					if reads++; reads == 2 { // the first is what the plan is compared with
						api.PutScript(name, theirs)
					}
				}
				return nil
			}})
			r, err := h.Apply(t.Context(), change(before, rollout.Body(tc.want)))
			if r.Outcome != tc.outcome || (tc.outcome != rollout.Applied) != errors.Is(err, rollout.ErrStale) {
				t.Errorf("it became %+v, %v", r, err)
			}
			if api.Script(name) != theirs || api.Writes(name) != mine {
				t.Errorf("what was uploaded meanwhile is gone: %s", api.Script(name))
			}
		})
	}
}

func encoded(t *testing.T, text string) string {
	t.Helper()
	b, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	const json = "application/json"
	said := func(code, text string) string {
		return `{"success":false,"errors":[{"code":` + code + `,"message":"` + text + `"}],"result":null}`
	}
	for _, tc := range []struct {
		shows string
		fault vendor.Fault
		says  []string
		later time.Duration
	}{
		{"a token that is none", vendor.Fault{Status: 401, Type: json, Body: said("1000", "Invalid API Token")}, []string{"wrong, expired or revoked", "Workers Scripts: Edit", "Invalid API Token (1000)", "HTTP 401"}, 0},
		{"a right that is missing", vendor.Fault{Status: 403, Type: json, Body: said("10000", "Authentication error")}, []string{"may not change Workers; add Account: Workers Scripts: Edit", "(10000)"}, 0},
		{"an account that is another", vendor.Fault{Status: 404, Type: json, Body: said("7003", "Could not route")}, []string{"does not know this account", "CLOUDFLARE_ACCOUNT_ID"}, 0},
		{"somebody else at it", vendor.Fault{Status: 409, Type: json, Body: said("10040", "conflict")}, []string{"changed by somebody else", "conflict (10040)"}, 0},
		{"too many requests", vendor.Fault{Status: 429, Type: json, Body: said("10429", "rate"), RetryAfter: "90"}, []string{"too many requests; try again in 90 s"}, 90 * time.Second},
		{"too many requests without a time", vendor.Fault{Status: 429, Type: json, Body: said("10429", "rate")}, []string{"in some minutes"}, 5 * time.Minute},
		{"out of order", vendor.Fault{Status: 503, Type: "text/html", Body: "<h1>\x1b[31mno</h1>"}, []string{"Cloudflare is out of order; try again later", "not the API's JSON but text/html"}, 0},
		{"a page in place of an answer", vendor.Fault{Status: 302, Location: "https://elsewhere.example/", Type: "text/html"}, []string{"sends belay elsewhere, which it does not follow"}, 0},
		{"a cut connection", vendor.Fault{Cut: true}, []string{"reach Cloudflare's API"}, 0},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			api, h := open(t)
			api.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
				if r.Method == http.MethodGet {
					return nil
				}
				return &tc.fault
			}})
			r, err := h.Apply(t.Context(), change(rollout.Absent(), rollout.Body(first)))
			became := rollout.Unknown // an upload that was not refused for certain may come yet
			if tc.fault.Status/100 == 4 {
				became = rollout.Failed
			}
			if err == nil || r.Outcome != became || r.Saw.Exists {
				t.Fatalf("it became %+v, %v", r, err)
			}
			for _, want := range tc.says {
				if !strings.Contains(r.Detail, want) {
					t.Errorf("it does not say %q: %s", want, r.Detail)
				}
			}
			if strings.Contains(r.Detail, api.Token) || strings.Contains(r.Detail, "\x1b") {
				t.Errorf("it lets through what it must not: %q", r.Detail)
			}
			if later, ok := errors.AsType[*rollout.LaterError](err); ok != (tc.later > 0) || ok && later.After != tc.later {
				t.Errorf("it waits: %v", err)
			}
		})
	}
}

// A short Retry-After is waited out, and the call made once more.
func TestAShortWaitIsWaited(t *testing.T) {
	api, h := open(t)
	turned := 0
	api.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
		if r.Method == http.MethodPut && turned == 0 {
			turned++
			return &vendor.Fault{Status: 429, Type: "application/json", Body: "{}", RetryAfter: "0"}
		}
		return nil
	}})
	if r, err := h.Apply(t.Context(), change(rollout.Absent(), rollout.Body(first))); err != nil || r.Outcome != rollout.Applied {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	api, h := open(t)
	held := make(chan struct{})
	defer close(held)
	api.SetHooks(vendor.Hooks{Interfere: func(*http.Request) *vendor.Fault { return &vendor.Fault{Hang: held} }})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := h.Read(ctx, change(rollout.Absent(), rollout.Body(first))); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ended with %v", err)
	}
}

func TestTryReadsAlone(t *testing.T) {
	api, h := open(t)
	api.Put(vendor.CloudflareRecord{Name: "mta-sts.corp.test", Type: "A", Content: "192.0.2.80"})
	trial, err := h.Try(t.Context(), "corp.test")
	told := strings.Join(trial.Lines, "\n")
	for _, want := range []string{"the zone corp.test in the account Corp", "will be made", "mta-sts.corp.test A 192.0.2.80 is in the way", "only proved by the first write"} {
		if err != nil || !strings.Contains(told, want) {
			t.Errorf("it does not say %q: %s, %v", want, told, err)
		}
	}
	if len(api.Scripts()) > 0 {
		t.Error("trying made a Worker")
	}
	api.SetStatus("pending")
	if _, err := h.Try(t.Context(), "corp.test"); err == nil || !strings.Contains(err.Error(), "not active") {
		t.Errorf("a pending zone: %v", err)
	}
}

func FuzzWhatCloudflareAnswers(f *testing.F) {
	f.Add(200, "text/plain", "const POLICY = \"\";")
	f.Add(200, "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"worker.js\"\r\n\r\nx\r\n--x--\r\n")
	f.Add(200, "application/json", `{"success":true,"result":[{"name":"corp.test","account":{"id":"a"}}]}`)
	f.Add(409, "application/json", `{"errors":[{"code":1,"message":"\u001b[31m"}]}`)
	f.Fuzz(func(t *testing.T, status int, kind, body string) {
		h, err := worker.Open(worker.Options{Domain: "corp.test", Token: "token", AccountID: "a", Transport: answers{status, kind, body}})
		if err != nil {
			t.Fatal(err)
		}
		held, err := h.Read(t.Context(), change(rollout.Absent(), rollout.Body(first)))
		if strings.ContainsFunc(held.Err, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("a control character is told: %q", held.Err)
		}
		if err != nil && held.Value.Exists {
			t.Errorf("it gives a value and %v", err)
		}
	})
}

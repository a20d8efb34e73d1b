package valimail_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers/host/valimail"
	"belay/providers/lab/vendor"
	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

const (
	testing86400 = "version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmx: mx2.corp.test\r\nmax_age: 86400\r\n"
	enforce86400 = "version: STSv1\r\nmode: enforce\r\nmx: mx1.corp.test\r\nmx: mx2.corp.test\r\nmax_age: 86400\r\n"
	none86400    = "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n"
)

func open(t *testing.T) (*vendor.Valimail, *valimail.Host) {
	t.Helper()
	api := vendor.NewValimail()
	t.Cleanup(api.Close)
	return api, host(t, valimail.Login{ClientID: api.ClientID, AppID: api.AppID, Account: api.Account, BaseURL: api.URL()})
}

func host(t *testing.T, l valimail.Login) *valimail.Host {
	t.Helper()
	c, err := valimail.NewClient(l)
	if err != nil {
		t.Fatal(err)
	}
	return valimail.Open("corp.test", c)
}

func policy(before, after rollout.Value) rollout.Edit {
	return rollout.Edit{ID: "1", Kind: rollout.Policy, Account: "valimail", Name: mtasts.PolicyURL("corp.test"), Type: "policy", Before: before, After: after, Vendor: "Valimail"}
}

func TestModesAreAskedForAndReadBack(t *testing.T) {
	api, h := open(t)
	before := rollout.Absent()
	for _, body := range []string{testing86400, enforce86400, none86400} {
		edit := policy(before, rollout.Body(body))
		r, err := h.Apply(t.Context(), edit)
		if err != nil || r.Outcome != rollout.Applied || !r.Saw.SamePolicy(edit.After) {
			t.Fatalf("%q became %+v, %v", body, r, err)
		}
		if r, err = h.Apply(t.Context(), edit); err != nil || r.Outcome != rollout.Found {
			t.Errorf("%q again: %+v, %v", body, r, err)
		}
		before = r.Saw
	}
	if mode, _, id := api.Policy("corp.test"); mode != "none" || id != "vm00000003" {
		t.Errorf("Valimail has mode %s under %s", mode, id)
	}
	api.SetPolicy("corp.test", "enforce", 604800, "mx1.corp.test")
	r, err := h.Apply(t.Context(), policy(before, rollout.Body(testing86400)))
	if r.Outcome != rollout.Refused || !errors.Is(err, rollout.ErrStale) || !strings.Contains(r.Saw.Body, "604800") {
		t.Errorf("what somebody changed there: %+v, %v", r, err)
	}
}

func TestReportAddressesStandBesideValimailsOwn(t *testing.T) {
	_, h := open(t)
	edit := rollout.Edit{ID: "1", Kind: rollout.RUA, Account: "valimail", Name: tlsrpt.RecordName("corp.test"), Type: rollout.TypeRUA, After: rollout.Records("mailto:a@corp.test")}
	r, err := h.Apply(t.Context(), edit)
	if err != nil || r.Outcome != rollout.Applied || !slices.Contains(r.Saw.Records, vendor.ValimailRUA) {
		t.Fatalf("%+v, %v", r, err)
	}
	edit.Before, edit.After = r.Saw, rollout.Records(append(slices.Clone(r.Saw.Records), "mailto:b@corp.test")...)
	if r, err = h.Apply(t.Context(), edit); err != nil || r.Outcome != rollout.Applied || len(r.Saw.Records) != 3 {
		t.Errorf("one more: %+v, %v", r, err)
	}
	edit.Before, edit.After = r.Saw, rollout.Records("https://reports.test/v1")
	if r, err = h.Apply(t.Context(), edit); r.Outcome != rollout.Failed || !strings.Contains(r.Detail, "rua must be a valid mailto URI format") {
		t.Errorf("an address that it does not take: %+v, %v", r, err)
	}
}

func TestATokenIsFetchedOnceAndOnceMore(t *testing.T) {
	api, h := open(t)
	edit := policy(rollout.Absent(), rollout.Body(testing86400))
	for range 3 {
		if _, err := h.Read(t.Context(), edit); err != nil {
			t.Fatal(err)
		}
	}
	if n := api.Tokens(); n != 1 {
		t.Errorf("three readings took %d tokens", n)
	}
	api.ExpireToken()
	if _, err := h.Read(t.Context(), edit); err != nil || api.Tokens() != 2 {
		t.Errorf("after the token ended: %d tokens, %v", api.Tokens(), err)
	}
	api.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
		if r.URL.Path == "/auth" {
			return nil
		}
		return &vendor.Fault{Status: http.StatusUnauthorized, Type: "application/json", Body: `{"message":"not authorized for slug corp"}`}
	}})
	if _, err := h.Read(t.Context(), edit); err == nil || !strings.Contains(err.Error(), "not even with a new token") || api.Tokens() != 3 {
		t.Errorf("where no token is taken: %d tokens, %v", api.Tokens(), err)
	}
}

// A policy that Valimail keeps is written, whatever comes of its certificate: that is
// asked for once more each time somebody asks again, and waited for.
func TestAPolicyWithoutACertificateIsWrittenAndAskedForAgain(t *testing.T) {
	api, h := open(t)
	api.SetCertificate(vendor.CertificateLost)
	edit := policy(rollout.Absent(), rollout.Body(testing86400))
	refused := &vendor.Fault{Status: 422, Type: "application/json", Body: `{"message":"Failed to retrieve SSL certificate expiration date"}`}
	for _, tc := range []struct {
		shows   string
		again   *vendor.Fault // what answers the second asking
		outcome rollout.Outcome
		asked   int
		waits   bool
		says    string
	}{
		{"taken", nil, rollout.Applied, 0, true, "5 to 10 minutes"},
		{"taken before", nil, rollout.Found, 1, true, "5 to 10 minutes"},
		{"taken before, and refused now", refused, rollout.Found, 1, true, "5 to 10 minutes"},
		{"taken before, and Valimail is out of order", &vendor.Fault{Status: 500, Type: "text/plain", Body: "no"}, rollout.Found, 1, false, "out of order"},
	} {
		asked := 0
		api.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
			if r.Method != http.MethodPut {
				return nil
			}
			asked++
			return tc.again
		}})
		r, err := h.Apply(t.Context(), edit)
		later, waits := errors.AsType[*rollout.LaterError](err)
		if r.Outcome != tc.outcome || !r.Saw.SamePolicy(edit.After) || asked != tc.asked || waits != tc.waits || !strings.Contains(r.Detail, tc.says) {
			t.Errorf("%s: %+v after %d requests, %v", tc.shows, r, asked, err)
		}
		if waits && later.After != 10*time.Minute {
			t.Errorf("%s: it is to wait %s", tc.shows, later.After)
		}
	}
	api.SetHooks(vendor.Hooks{})
	api.SetCertificate("")
	if r, err := h.Apply(t.Context(), edit); err != nil || r.Outcome != rollout.Found || r.Detail != "" {
		t.Errorf("with a certificate: %+v, %v", r, err)
	}
}

// answers gives every request but the login's the same answer.
type answers struct {
	status     int
	kind, body string
}

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/auth" {
		a = answers{200, "application/json", `{"token":"t"}`}
	}
	return &http.Response{StatusCode: 100 + (a.status%500+500)%500, Header: http.Header{"Content-Type": {a.kind}}, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func FuzzWhatValimailAnswers(f *testing.F) {
	f.Add(200, "application/json", `{"data":{"mta-sts-policy-text":"version: STSv1\nmode: testing\nmax_age: 86400\nmx: a.example\n"}}`)
	f.Add(200, "application/json", `{"policy-mode":"enforce","mx-hosts":["a.example"],"max-age":86400}`)
	f.Add(422, "application/json", `{"errors":[{"message":"\u001b[31m","details":"x"}],"detail":[{"field":"f"}],"error":3}`)
	f.Add(500, "text/html", "<html>")
	f.Fuzz(func(t *testing.T, status int, kind, body string) {
		h := host(t, valimail.Login{ClientID: "a", AppID: "b", Account: "c", Transport: answers{status, kind, body}})
		for _, e := range []rollout.Edit{policy(rollout.Absent(), rollout.Body(testing86400)), {Kind: rollout.RUA, Name: tlsrpt.RecordName("corp.test"), Type: rollout.TypeRUA}} {
			held, err := h.Read(t.Context(), e)
			if strings.ContainsFunc(held.Err, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("a control character is told: %q", held.Err)
			}
			if err != nil && held.Value.Exists {
				t.Errorf("it gives a value and %v", err)
			}
		}
	})
}

// TestALoginThatValimailRepeatsIsHidden, on the way to a token and with one, and a token
// that is none is not told to be copied again: nobody has copied it.
func TestALoginThatValimailRepeatsIsHidden(t *testing.T) {
	for _, tc := range []struct {
		shows, path string
		status      int
		body        func(*vendor.Valimail) string
		says        string
	}{
		{"the API key, at the login", "/auth", 401, func(v *vendor.Valimail) string { return `{"message":"no ` + v.ClientID + ` ` + v.AppID + `"}` }, "it said: no (secret) (secret)"},
		{"the API key, cut", "/auth", 401, func(v *vendor.Valimail) string {
			return `{"message":"` + strings.Repeat("x", 295) + v.AppID + `"}`
		}, "xxx"},
		{"the API key, later", "/accounts", 403, func(v *vendor.Valimail) string { return `{"message":"not for ` + v.AppID + `"}` }, "not for (secret)"},
		{"a token that is none", "/auth", 200, func(*vendor.Valimail) string { return `{"token":"hunter2 hunter3"}` }, "ask its support"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			api, h := open(t)
			api.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
				if !strings.HasPrefix(r.URL.Path, tc.path) {
					return nil
				}
				return &vendor.Fault{Status: tc.status, Type: "application/json", Body: tc.body(api)}
			}})
			_, err := h.Read(t.Context(), policy(rollout.Absent(), rollout.Body(testing86400)))
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("%v", err)
			}
			for _, never := range []string{api.ClientID, api.AppID, "x" + api.AppID[:4], "hunter", "copy it"} {
				if strings.Contains(err.Error(), never) {
					t.Errorf("%v has %q", err, never)
				}
			}
		})
	}
}

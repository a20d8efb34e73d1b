package dns_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

func desecEntrant() entrant {
	said := func(status int, body string) vendor.Fault {
		return vendor.Fault{Status: status, Type: "application/json", Body: body}
	}
	detail := func(status int, text string) vendor.Fault { return said(status, fmt.Sprintf(`{"detail":%q}`, text)) }
	throttled := detail(429, "Request was throttled. Expected available in 3542 seconds.")
	throttled.RetryAfter = "3542"
	with := func(change func(*vendor.DeSEC, map[string]string)) func(*testing.T) bench {
		return func(t *testing.T) bench {
			b, srv := newDeSEC(t)
			change(srv, b.creds)
			return b
		}
	}
	return entrant{
		start: desecBench,
		refusals: []refusal{
			{"401", detail(401, "Invalid token."), "Token Management at desec.io", false},
			{"403", detail(403, "Insufficient token permissions."), "add a policy with perm_write", false},
			{"404", detail(404, "Not found."), "deSEC does not find it", false},
			{"409", said(409, `[{"non_field_errors":["conflicting change"]}]`), "conflicting change", false},
			{"429", throttled, "try again in 3542 s", false},
			{"500", vendor.Fault{Status: 500, Type: "text/html", Body: "<h1>Server Error (500)</h1>"}, "out of order", false},
			{"HTML in place of an answer", vendor.Fault{Status: 403, Type: "text/html", Body: htmlPage}, "text/html", false},
			{"a secret that the answer repeats", detail(400, "bad header SECRET"), "(secret)", false},
			{"a list of errors, one a set", said(400, `[{},{"ttl":["Ensure this value is greater than or equal to 3600."],"records":["Malformed."]}]`), "records: Malformed.; ttl: Ensure this value", false},
			{"a redirect", vendor.Fault{Status: 302, Type: "text/html"}, "does not follow", false},
		},
		misfits: []misfit{
			{"a wrong token", with(func(_ *vendor.DeSEC, c map[string]string) { c["token"] = "another-token" }), domain, "", "the token is wrong"},
			{"a zone in another account", desecBench, "other.test", "", "another account"},
			{"DNS answers from a child zone", desecBench, domain, "_mta-sts.corp.test", "child zone"},
		},
	}
}

func desecBench(t *testing.T) bench {
	b, _ := newDeSEC(t)
	return b
}

func newDeSEC(t *testing.T) (bench, *vendor.DeSEC) {
	srv := vendor.NewDeSEC(domain)
	t.Cleanup(srv.Close)
	b := bench{
		provider:  "desec",
		creds:     map[string]string{"token": srv.Token},
		secretKey: "token",
		baseURL:   srv.URL(),
		writes:    srv.Writes,
		leastTTL:  3600,
	}
	b.put = func(_ *testing.T, name, typ string, values ...string) {
		var records []string
		for _, v := range values {
			switch typ {
			case "TXT":
				v = quoted(v, `\"`)
			case "CNAME":
				v += "."
			}
			records = append(records, v)
		}
		srv.Put(name, typ, stoodTTL, records...)
	}
	b.watch(srv)
	return b, srv
}

// TestDeSECSaysWhichTTLItTook: 300 s is not to be had there, and the operator hears
// of it before and after. Where deSEC lowered the floor, what is wanted is written.
func TestDeSECSaysWhichTTLItTook(t *testing.T) {
	b, srv := newDeSEC(t)
	e := edit("_mta-sts", "TXT", nil, list(sts1))
	trial, err := b.open(t, dns.Options{}).Try(ctx(t), domain)
	if err != nil || !strings.Contains(strings.Join(trial.Lines, "\n"), "no TTL below 3600 s") {
		t.Errorf("%q, %v", trial.Lines, err)
	}
	r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
	if set, _ := srv.Set(e.Name, "TXT"); err != nil || set.TTL != 3600 || !strings.Contains(r.Detail, "TTL is 3600 s") {
		t.Errorf("written with %d, told %q, %v", set.TTL, r.Detail, err)
	}
	srv.Put(e.Name, "TXT", 0)
	srv.SetMinimumTTL(60)
	r, err = b.open(t, dns.Options{}).Apply(ctx(t), e)
	if set, _ := srv.Set(e.Name, "TXT"); err != nil || set.TTL != 300 || r.Detail != "" {
		t.Errorf("with a floor of 60 written with %d, told %q, %v", set.TTL, r.Detail, err)
	}
}

// TestDeSECReadsEveryTXT: what deSEC gives back of a value with bytes beyond ASCII,
// or a long one, is that value.
func TestDeSECReadsEveryTXT(t *testing.T) {
	b, srv := newDeSEC(t)
	srv.Put("_smtp._tls."+domain, "TXT", 3600, `"\195\156 \"x\" \\" "and more"`)
	h, err := b.open(t, dns.Options{}).Read(ctx(t), edit("_smtp._tls", "TXT", nil, nil))
	if err != nil || h.Value.String() != `Ü "x" \and more` {
		t.Errorf("read %s, %v", h.Value, err)
	}
}

// TestAShortPauseIsKept: a provider that asks for a moment gets it; one that asks
// for longer than the call may take does not hold it.
func TestAShortPauseIsKept(t *testing.T) {
	throttle := func(b bench, times int, after string) {
		b.interfere(func(*http.Request) *vendor.Fault {
			if times == 0 {
				return nil
			}
			times--
			return &vendor.Fault{Status: 429, Type: "application/json", RetryAfter: after, Body: `{"detail":"Request was throttled."}`}
		})
	}
	e := edit("_mta-sts", "TXT", nil, list(sts1))
	b := desecBench(t)
	throttle(b, 3, "0")
	if r, err := b.open(t, dns.Options{}).Apply(ctx(t), e); r.Outcome != rollout.Applied || b.writes(e.Name) != 1 {
		t.Errorf("asked for moments: %s after %d writes, %v", r.Outcome, b.writes(e.Name), err)
	}
	b = desecBench(t)
	throttle(b, -1, "0")
	if r, err := b.open(t, dns.Options{}).Apply(ctx(t), e); r.Outcome != rollout.Failed || !strings.Contains(r.Detail, "too many requests") {
		t.Errorf("asked without end: %s, %v", r.Outcome, err)
	}
	b = desecBench(t)
	throttle(b, -1, "4")
	if r, err := b.open(t, dns.Options{Patience: 2 * time.Second}).Apply(ctx(t), e); r.Outcome != rollout.Failed || !strings.Contains(r.Detail, "try again in 4 s") {
		t.Errorf("asked for longer than there is: %s, %v", r.Outcome, err)
	}
}

// crowdedDeSEC is a bench whose zone has a great many records.
func crowdedDeSEC(t testing.TB) (provider string, creds map[string]string, o dns.Options) {
	sets := make([]vendor.DeSECSet, crowded)
	for i := range sets {
		sets[i] = vendor.DeSECSet{Subname: fmt.Sprintf("host%d", i+1), Type: "A", TTL: 3600, Records: list("192.0.2.1")}
	}
	srv := vendor.NewDeSEC(domain, sets...)
	t.Cleanup(srv.Close)
	return "desec", map[string]string{"token": srv.Token}, dns.Options{BaseURL: srv.URL()}
}

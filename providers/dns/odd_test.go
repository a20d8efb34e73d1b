package dns_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// oddZones are zones whose provider's answer cannot be read for one record.
func oddZones() map[string]struct {
	start func(*testing.T) bench
	says  string
} {
	return map[string]struct {
		start func(*testing.T) bench
		says  string
	}{
		"rfc2136: a service at a name of one label":   {oddTransfer("SRV", "1 1 25 mx1.corp.test."), "asked for one by one"},
		"rfc2136: a binding at a name without scheme": {oddTransfer("SVCB", "1 svc.corp.test. alpn=h2"), "asked for one by one"},
		"cloudflare: a record of another shape":       {oddAnswer, "taken from the zone's name servers"},
	}
}

// oddTransfer is a name server with a record in its zone that libdns gives the
// whole transfer up for.
func oddTransfer(typ, value string) func(*testing.T) bench {
	return func(t *testing.T) bench {
		b := rfc2136Bench(t, false)
		b.put(t, "odd."+domain, typ, value)
		return b
	}
}

// oddAnswer is Cloudflare with a record whose TTL is no number.
func oddAnswer(t *testing.T) bench {
	b := cloudflareBench(t)
	b.interfere(func(r *http.Request) *vendor.Fault {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/dns_records") {
			return nil
		}
		if r.URL.Query().Has("type") {
			return nil // libdns's own, before it writes
		}
		return &vendor.Fault{Status: 200, Type: "application/json", Body: `{"success":true,"errors":[],"messages":[],` +
			`"result":[{"id":"1","type":"LOC","name":"odd.corp.test","content":"51 N","ttl":"automatic"}],"result_info":{"page":1,"per_page":100,"total_pages":1}}`}
	})
	return b
}

// lateServers are name servers that answer what a bench's server holds, some
// questions later.
type lateServers struct {
	bench
	mu   sync.Mutex
	late int // questions about a set that has changed which are answered with the old one
	last map[string][]string
}

func (s *lateServers) answer(name, typ string) rollout.Value {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, now := name+" "+typ, s.holds(name, typ)
	if rollout.Records(now...).Equal(rollout.Records(s.last[key]...)) {
		return rollout.Records(now...)
	}
	if s.late > 0 {
		s.late--
		return rollout.Records(s.last[key]...)
	}
	s.last[key] = now
	return rollout.Records(now...)
}

// TestAnOddRecordElsewhere: where the provider's own answer cannot be read because
// of another record in it, what stands is taken from the name servers and said so;
// edits are made all the same, drift is seen, and what they cannot show yet is
// waited for.
func TestAnOddRecordElsewhere(t *testing.T) {
	for shows, odd := range oddZones() {
		t.Run(shows, func(t *testing.T) {
			b := odd.start(t)
			ns := &lateServers{bench: b, last: map[string][]string{}}
			look := view{servers: labServers, ask: ns.answer}
			a := b.open(t, dns.Options{Seer: look})

			for _, e := range []rollout.Edit{
				edit("_mta-sts", "TXT", nil, list(sts1)),
				edit("_mta-sts", "TXT", list(sts1), list(sts2)),
				edit("_mta-sts", "TXT", list(sts2), nil),
			} {
				ns.late = 2
				h, err := a.Read(ctx(t), e)
				if err != nil || !h.Value.Equal(e.Before) || h.Err != "" || !strings.Contains(h.Note, odd.says) {
					t.Fatalf("read %s (%s, %v), note %q", h.Value, h.Err, err, h.Note)
				}
				r, err := a.Apply(ctx(t), e)
				if r.Outcome != rollout.Applied || err != nil || !r.Saw.Equal(e.After) || !strings.Contains(r.Detail, odd.says) {
					t.Fatalf("%s: outcome %s, saw %s, %q, %v", e, r.Outcome, r.Saw, r.Detail, err)
				}
				if got := b.holds(e.Name, e.Type); !rollout.Records(got...).Equal(e.After) {
					t.Errorf("%s: the server holds %q", e, got)
				}
			}
			r, err := a.Apply(ctx(t), edit("_mta-sts", "TXT", list("what was not there"), list(sts1)))
			if r.Outcome != rollout.Refused || err == nil {
				t.Errorf("drift: outcome %s, %v", r.Outcome, err)
			}
			trial, err := a.Try(ctx(t), domain)
			if all := strings.Join(trial.Lines, "\n"); err != nil || !strings.Contains(all, odd.says) && !strings.Contains(all, "read one by one") {
				t.Errorf("trying: %v in:\n%s", err, all)
			}
		})
	}
}

// TestAnOddRecordAndServersThatDoNotTell: what nobody shows is unknown, not done
// and not failed; and where the name servers cannot be asked, nothing is written.
func TestAnOddRecordAndServersThatDoNotTell(t *testing.T) {
	e := edit("_mta-sts", "TXT", nil, list(sts1))
	t.Run("they do not hear of it in time", func(t *testing.T) {
		b := oddAnswer(t)
		a := b.open(t, dns.Options{Seer: view{servers: labServers}, Patience: 500 * time.Millisecond})
		r, err := a.Apply(ctx(t), e)
		if r.Outcome != rollout.Unknown || err == nil || !strings.Contains(r.Detail, "still show nothing") || b.writes(e.Name) != 1 {
			t.Errorf("outcome %s after %d writes: %v", r.Outcome, b.writes(e.Name), err)
		}
	})
	t.Run("they do not agree", func(t *testing.T) {
		b, n := oddAnswer(t), 0
		var mu sync.Mutex
		a := b.open(t, dns.Options{Seer: view{servers: labServers, ask: func(_, typ string) rollout.Value {
			if typ != "TXT" {
				return rollout.Absent()
			}
			mu.Lock()
			defer mu.Unlock()
			if n++; n%2 == 0 { // the second of two servers
				return rollout.Records("other")
			}
			return rollout.Absent()
		}, each: true}})
		r, err := a.Apply(ctx(t), e)
		if r.Outcome != rollout.Failed || err == nil || b.writes(e.Name) != 0 {
			t.Errorf("outcome %s after %d writes: %v", r.Outcome, b.writes(e.Name), err)
		}
	})
	t.Run("nobody can ask them", func(t *testing.T) {
		b := oddAnswer(t)
		r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
		if r.Outcome != rollout.Failed || err == nil || !strings.Contains(err.Error(), "cannot be read") || b.writes(e.Name) != 0 {
			t.Errorf("outcome %s after %d writes: %v", r.Outcome, b.writes(e.Name), err)
		}
	})
}

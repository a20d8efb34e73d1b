package dns_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

const htmlPage = "<html><head><title>502 Bad Gateway</title></head><body>\x1b[31mnginx</body></html>"

// TestRefusedWrites: whatever the API answers to a write, nothing is called done, what
// is no certain refusal is called unknown, the sentence says what is wrong, and no
// secret and no control character is in it.
func TestRefusedWrites(t *testing.T) {
	onWeb(t, func(t *testing.T, e entrant) {
		for _, tc := range e.refusals {
			t.Run(tc.shows, func(t *testing.T) {
				if slices.Contains(refusalKinds(), tc.shows) {
					row(t) // the others are the provider's own
				}
				b := e.start(t)
				fault := tc.with(b)
				b.onWrite(func() *vendor.Fault { return &fault })
				for _, e := range []rollout.Edit{
					edit("_mta-sts", "TXT", nil, list(sts1)),
					edit("_smtp._tls", "TXT", list(rpt), list(rpt+",mailto:b@corp.test")),
					edit("mta-sts", "A", list("192.0.2.20"), nil),
				} {
					b.put(t, e.Name, e.Type, e.Before.Records...)
					r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
					if r.Outcome != tc.outcome() || err == nil || !r.Saw.Equal(e.Before) {
						t.Fatalf("%s: outcome %s, saw %s: %v", e, r.Outcome, r.Saw, err)
					}
					if !strings.Contains(r.Detail, tc.says) {
						t.Errorf("%s: %q does not say %q", e, r.Detail, tc.says)
					}
					if strings.Contains(err.Error(), b.secret()) || strings.ContainsRune(err.Error(), '\x1b') {
						t.Errorf("%q holds what it must not", err)
					}
					if tc.retried {
						break
					}
				}
			})
		}
	})
}

// TestTroubleWhileWriting: where the call ends badly, only the second reading
// decides.
func TestTroubleWhileWriting(t *testing.T) {
	onWeb(t, func(t *testing.T, entered entrant) {
		t.Run("a write whose answer is lost, and that is not there, is unknown, and looked for before it is made again", func(t *testing.T) {
			row(t)
			for _, lands := range []bool{true, false} {
				b := entered.start(t)
				var cut atomic.Bool
				cut.Store(true)
				b.onWrite(func() *vendor.Fault {
					if cut.Load() {
						return &vendor.Fault{Cut: true}
					}
					return nil
				})
				a, e := b.open(t, dns.Options{}), edit("_mta-sts", "TXT", nil, list(sts1))
				r, err := a.Apply(ctx(t), e)
				if r.Outcome != rollout.Unknown || err == nil || !strings.Contains(r.Detail, "not known whether") || !strings.Contains(r.Detail, "belay next looks again") {
					t.Errorf("outcome %s, %v", r.Outcome, err)
				}
				cut.Store(false)
				want, writes := rollout.Applied, b.writes(e.Name)+1
				if lands {
					b.put(t, e.Name, e.Type, sts1)
					want, writes = rollout.Found, b.writes(e.Name)
				}
				if r, err = a.Apply(ctx(t), e); r.Outcome != want || err != nil || b.writes(e.Name) != writes {
					t.Errorf("landed %t: outcome %s after %d writes, want %s after %d: %v", lands, r.Outcome, b.writes(e.Name), want, writes, err)
				}
			}
		})
		t.Run("a write whose answer is lost is found by reading", func(t *testing.T) {
			row(t)
			b := entered.start(t)
			e := edit("_mta-sts", "TXT", nil, list(sts1))
			b.onWrite(func() *vendor.Fault {
				b.put(t, e.Name, e.Type, sts1)
				return &vendor.Fault{Cut: true}
			})
			r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
			if r.Outcome != rollout.Applied || err != nil || !strings.Contains(r.Detail, "the call failed") {
				t.Errorf("outcome %s, %q, %v", r.Outcome, r.Detail, err)
			}
		})
		t.Run("a write that cannot be read back is unknown", func(t *testing.T) {
			row(t)
			b := entered.start(t)
			wrote := false
			b.interfere(func(r *http.Request) *vendor.Fault {
				if b.changes(r) {
					wrote = true
					return nil
				}
				if wrote {
					denied := entered.refusal(t, "403").with(b)
					return &denied
				}
				return nil
			})
			r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", nil, list(sts1)))
			if r.Outcome != rollout.Unknown || err == nil {
				t.Errorf("outcome %s, %v", r.Outcome, err)
			}
		})
		t.Run("somebody else's value at the same moment is not called ours", func(t *testing.T) {
			row(t)
			b := entered.start(t)
			e := edit("_mta-sts", "TXT", list(sts1), nil)
			b.put(t, e.Name, e.Type, sts1)
			b.onWrite(func() *vendor.Fault {
				b.put(t, e.Name, e.Type, "other")
				return &vendor.Fault{Cut: true}
			})
			r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
			if r.Outcome != rollout.Unknown || !strings.Contains(r.Detail, "other") || err == nil {
				t.Errorf("outcome %s, %v", r.Outcome, err)
			}
		})
	})
}

// TestUpdateIsComparedByTheServer: with rfc2136, Route 53 and Google Cloud DNS a
// change between reading and writing is refused by the server itself, and is told as
// drift.
func TestUpdateIsComparedByTheServer(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		isComparedByTheServer(t, rfc2136Bench(t, refuse))
	}
	for name, e := range entrants() {
		if name == "route53" || name == "googleclouddns" {
			t.Run(name, func(t *testing.T) { isComparedByTheServer(t, e.start(t)) })
		}
	}
}

func isComparedByTheServer(t *testing.T, b bench) {
	for _, tc := range []struct {
		shows, typ, name         string
		before, after, meanwhile []string
	}{
		{"changed meanwhile", "TXT", "_mta-sts", list(sts1), list(sts2), list("other")},
		{"created meanwhile", "TXT", "_mta-sts", nil, list(sts2), list("other")},
		{"deleted meanwhile", "TXT", "_mta-sts", list(sts1), list(sts2), nil},
		{"grown meanwhile", "TXT", "_smtp._tls", list(rpt), list("new"), list(rpt, "other")},
		{"changed while it is deleted", "TXT", "_mta-sts", list(sts1), nil, list("other")},
		{"grown while it is deleted", "TXT", "_mta-sts", list(sts1), nil, list(sts1, "other")},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			e := edit(tc.name, tc.typ, tc.before, tc.after)
			b.put(t, e.Name, e.Type, tc.before...)
			t.Cleanup(func() { b.put(t, e.Name, e.Type) })
			b.meanwhile(func() { b.put(t, e.Name, e.Type, tc.meanwhile...) })
			written := b.writes(e.Name)
			r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
			if r.Outcome != rollout.Refused || !errors.Is(err, rollout.ErrStale) || b.writes(e.Name) != written {
				t.Errorf("outcome %s after %d writes, %v", r.Outcome, b.writes(e.Name)-written, err)
			}
			if !r.Saw.Equal(rollout.Records(tc.meanwhile...)) {
				t.Errorf("saw %s", r.Saw)
			}
		})
	}
}

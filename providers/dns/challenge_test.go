package dns_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"belay/providers/dns"
	"belay/rollout"
)

// Two proofs as a CA asks for them, and the name at which they stand.
const (
	proof1 = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
	proof2 = "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
	toldAt = "_acme-challenge.mta-sts.corp.test"
)

// sightings is what name servers answer in a test.
func sightings(values ...[]string) dns.Sightings {
	return func(context.Context, string) ([]rollout.Sighting, error) {
		var out []rollout.Sighting
		for i, v := range values {
			out = append(out, rollout.Sighting{Where: "ns.corp.test", IP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), Answered: v != nil, Value: rollout.Records(v...)})
		}
		return out, nil
	}
}

func challenge(t *testing.T, b bench, left ...string) *dns.Challenge {
	t.Helper()
	c, err := dns.NewChallenge("corp.test", b.open(t, dns.Options{}), sightings(), slog.New(slog.DiscardHandler), left...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestChallengeWritesItsOwnValuesAlone: at every provider, whatever stands beside.
func TestChallengeWritesItsOwnValuesAlone(t *testing.T) {
	onEach(t, func(t *testing.T, b bench) {
		for shows, foreign := range map[string][]string{"alone": nil, "beside another's": {"somebody else's"}} {
			t.Run(shows, func(t *testing.T) {
				row(t)
				b.put(t, toldAt, "TXT", foreign...)
				c := challenge(t, b)
				holds := func(want ...string) {
					t.Helper()
					want = append(slices.Clone(foreign), want...)
					got := slices.Sorted(slices.Values(b.holds(toldAt, "TXT")))
					if slices.Sort(want); !slices.Equal(got, want) {
						t.Fatalf("the server holds %q, not %q", got, want)
					}
				}
				for range 2 { // putting twice is putting once
					if err := c.Put(ctx(t), proof1); err != nil {
						t.Fatal(err)
					}
				}
				holds(proof1)
				// Another instance puts its own beside, and takes it away after ours is gone.
				other := challenge(t, b)
				if err := other.Put(ctx(t), proof2); err != nil {
					t.Fatal(err)
				}
				holds(proof1, proof2)
				if err := other.Remove(ctx(t), proof1); !errors.Is(err, rollout.ErrRefused) {
					t.Errorf("a value that it did not put was removed: %v", err)
				}
				if err := c.Remove(ctx(t), proof1); err != nil {
					t.Fatal(err)
				}
				holds(proof2)
				if err := challenge(t, b, proof2).Remove(ctx(t), proof2); err != nil { // after a restart
					t.Fatal(err)
				}
				holds()
				if err := other.Remove(ctx(t), proof2); err != nil {
					t.Errorf("what is gone already: %v", err)
				}
				holds()
			})
		}
	})
}

func TestChallengeWritesNothingElse(t *testing.T) {
	b := cloudflareEntrant().start(t)
	c := challenge(t, b)
	for _, value := range []string{"", "v=STSv1; id=1;", proof1 + "=", proof1[:42], strings.Repeat("\"", 43)} {
		if err := c.Put(ctx(t), value); !errors.Is(err, rollout.ErrRefused) {
			t.Errorf("%q was put: %v", value, err)
		}
	}
	if got := b.holds(toldAt, "TXT"); len(got) > 0 {
		t.Errorf("the server holds %q", got)
	}
	if _, err := dns.NewChallenge("other.test", b.open(t, dns.Options{}), sightings(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("an account that was opened for another domain is taken")
	}
}

// TestChallengeFollowsNoAlias: where the name is a CNAME the proof would have to stand at
// its target, where belay may not write. What was seen is said, and what to do.
func TestChallengeFollowsNoAlias(t *testing.T) {
	onEach(t, func(t *testing.T, b bench) {
		b.put(t, toldAt, "CNAME", "acme.corp.test")
		err := challenge(t, b).Put(ctx(t), proof1)
		for _, part := range []string{
			"put the challenge record " + toldAt, "a CNAME to acme.corp.test stands there, so a CA looks for the proof at acme.corp.test",
			"belay follows no alias", "delete the CNAME", "belay set corp.test --challenge ''",
		} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%v\ndoes not say %q", err, part)
			}
		}
		if got, at := b.holds(toldAt, "TXT"), b.holds("acme.corp.test", "TXT"); len(got)+len(at) > 0 {
			t.Errorf("the server holds %q, and %q at the target", got, at)
		}
		// What was put before the alias came is gone, and is not tried for ever.
		if err := challenge(t, b, proof2).Remove(ctx(t), proof2); err != nil {
			t.Errorf("remove what the alias took the place of: %v", err)
		}
	})
}

func TestChallengeNeedsAProvider(t *testing.T) {
	account, err := dns.Open("manual", nil, dns.Options{Domain: "corp.test", Seer: nobodySees{}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = dns.NewChallenge("corp.test", account, sightings(), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "by hand") {
		t.Errorf("records that a person changes: %v", err)
	}
}

type nobodySees struct{}

func (nobodySees) See(context.Context, rollout.Edit, rollout.Sink) (rollout.Value, rollout.Evidence, error) {
	return rollout.Absent(), rollout.Evidence{}, errors.New("nothing is looked at here")
}

func TestChallengeIsAwaitedAtEveryServer(t *testing.T) {
	b := cloudflareEntrant().start(t)
	for name, tc := range map[string]struct {
		seen dns.Sightings
		says string // what the error says; empty where none is wanted
	}{
		"every server shows it":            {sightings([]string{proof1}, []string{"x", proof1}), ""},
		"one gives no answer":              {sightings([]string{proof1}, nil), ""},
		"one shows the old record":         {sightings([]string{proof1}, []string{"x"}), "does not show yet at ns.corp.test [192.0.2.1]"},
		"none gives an answer":             {sightings(nil, nil), "no name server gives an answer"},
		"the name servers cannot be found": {func(context.Context, string) ([]rollout.Sighting, error) { return nil, errors.New("no zone") }, "no zone"},
	} {
		t.Run(name, func(t *testing.T) {
			account := b.open(t, dns.Options{})
			synctest.Test(t, func(t *testing.T) {
				c, err := dns.NewChallenge("corp.test", account, tc.seen, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				err = c.Await(context.Background(), proof1)
				if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
					t.Errorf("awaited: %v", err)
				}
			})
		})
	}
}

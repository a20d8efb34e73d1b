package rollout_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"belay/rollout"
)

// longestStep is the longest pause between two looks of a walk that waits.
const longestStep = 2 * time.Second

// TestPropagationIsSeenWithinOneStep: a walk sees an edit live at the first look
// after the last name server has changed, which is never further away than one
// polling step, however long the server took.
func TestPropagationIsSeenWithinOneStep(t *testing.T) {
	for _, late := range []time.Duration{time.Millisecond, 150 * time.Millisecond, 3 * time.Second, 7001 * time.Millisecond, 49 * time.Second} {
		t.Run(late.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.engine.Patience = time.Minute
				r.create(hasty())
				r.to(rollout.PublishDNS)
				old := rollout.Absent()
				r.box.behind = &old
				r.box.clock.wind(time.Minute)
				begun := time.Now()
				time.AfterFunc(late, func() {
					r.box.mu.Lock()
					defer r.box.mu.Unlock()
					r.box.behind = nil
				})
				var live time.Duration
				_, err := r.engine.Next(ctx, domain, yes, func(ev rollout.Event) {
					if ev.Kind == rollout.BecameLive && live == 0 {
						live = time.Since(begun)
					}
				})
				if err != nil || live == 0 {
					t.Fatalf("it never became live: %v", err)
				}
				if after := live - late; after < 0 || after > longestStep {
					t.Errorf("seen %s after the last server changed", after)
				}
			})
		})
	}
}

// TestLiveEditsSayHowLongTheOldMayBeAnswered: until the TTL of what stood before
// has run out, or for what did not stand the negative TTL, by the engine's clock.
func TestLiveEditsSayHowLongTheOldMayBeAnswered(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.PublishDNS)
	r.box.set(rptName, "TXT", "v=TLSRPTv1; rua=mailto:other@corp.test")
	r.box.ttl[rptName+" TXT"] = 3600
	p, err := r.engine.Propose(ctx, domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]time.Time{}
	done, err := r.engine.Next(ctx, domain, rollout.Consent{Given: true, Shown: &p.Plan}, func(ev rollout.Event) {
		if ev.Kind == rollout.BecameLive {
			told[ev.Edit.Name] = ev.Until
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, seconds := range map[string]int{rptName: 3600, "mta-sts." + domain: 60} {
		want := r.box.clock.Now().Add(time.Duration(seconds) * time.Second)
		if !told[name].Equal(want) {
			t.Errorf("%s: the old may be answered until %s, want %s", name, told[name], want)
		}
		for _, e := range done.Edits {
			if e.Name == name && !e.ResolversUntil.Equal(want) {
				t.Errorf("%s: its outcome says %s, want %s", name, e.ResolversUntil, want)
			}
		}
	}
}

// TestTheJournalNamesTheWitnesses: who showed an edit live, and who gave no answer
// and why.
func TestTheJournalNamesTheWitnesses(t *testing.T) {
	r := newRig(t)
	r.create(hasty())
	r.to(rollout.PublishDNS)
	r.box.silent = true
	r.next()
	entries, err := r.book.Journal(ctx, domain)
	if err != nil {
		t.Fatal(err)
	}
	verified := 0
	for _, e := range entries {
		if e.Kind != rollout.Seen {
			continue
		}
		verified++
		if len(e.Shown) != 1 || !strings.HasPrefix(e.Shown[0], "one [") || len(e.Unseen) != 1 || !strings.HasPrefix(e.Unseen[0], "two [") {
			t.Errorf("shown by %q, not by %q", e.Shown, e.Unseen)
		}
	}
	if verified == 0 {
		t.Error("nothing was verified")
	}
}

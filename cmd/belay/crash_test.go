package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"belay/rollout"
)

// TestCrash kills belay at every instant of a whole rollout, one kill a run: before
// and after every commit of the journal and every write, by the guest's own hand,
// and while the name server has an update in hand, before and after it is carried
// out. However it was killed, belay goes on to the same end as if it had not been,
// by the same edits with the same ids, and no server has seen a write too many.
//
// A run begins with what the undisturbed rollout had left when the step was about
// to begin in which belay is to die, so that the steps before it need not be
// walked a hundred times over. Nor are those behind it, where the run left the very
// same world and store as one before it (see left).
func TestCrash(t *testing.T) {
	t.Parallel() // most of its time belongs to guests, one at a time
	c := &crash{t: t, web: filepath.Join(t.TempDir(), "web")}
	calm := c.undisturbed()
	if len(calm.steps) != 8 || calm.end.Status.Phase != rollout.Holding {
		t.Fatalf("the undisturbed rollout took %d steps and ended in %+v", len(calm.steps), calm.end.Status)
	}
	for n, step := range calm.steps {
		t.Run(step.name, func(t *testing.T) {
			for k, what := range step.instants {
				t.Run(what, func(t *testing.T) {
					c.disturbed(t, calm, n, func(g *guestRun, _ *site) {
						g.Env = append(g.Env, fmt.Sprintf("%s=%d", guestDies, k+1))
					})
				})
			}
			for k := range step.updates {
				for _, stage := range []string{"before", "after"} {
					t.Run(fmt.Sprintf("%s the name server carries out update %d", stage, k+1), func(t *testing.T) {
						c.disturbed(t, calm, n, func(g *guestRun, _ *site) { g.killedAt(k+1, stage) })
					})
				}
			}
		})
	}
}

// crash is what all runs have in common.
type crash struct {
	t *testing.T
	// web is the web root of every run's lab: its path stands in the settings.
	web string
	// vendor keeps the zone in place of the lab's name server; nil for that.
	vendor *crashVendor
	// walked are the states from which the rest of the rollout was walked, and
	// the run that did: see left.
	walked map[string]string
}

// calm is the rollout in which nothing happened to belay.
type calm struct {
	steps []step
	end   stand
}

// step is one act of the rollout: new, or next.
type step struct {
	name     string
	begins   camp
	ends     statusShape
	instants []string // that a guest passes in it, in order
	updates  int      // that it sends to the name server
}

// undisturbed walks the whole rollout by guests that nobody kills.
func (c *crash) undisturbed() calm {
	s := c.site(c.t, camp{})
	c.walked = map[string]string{}
	var out calm
	for len(out.steps) == 0 || out.steps[len(out.steps)-1].ends.Phase != rollout.Holding {
		if len(out.steps) == 12 {
			c.t.Fatalf("no end after %d steps: %s", len(out.steps), s.belay("status").out)
		}
		st := step{name: "new", begins: s.camp()}
		if len(out.steps) > 0 {
			st.name = fmt.Sprintf("next %d", len(out.steps))
		}
		file := filepath.Join(c.t.TempDir(), "instants")
		g := s.step(st.name)
		g.Env = append(g.Env, guestInstants+"="+file)
		before := s.updates()
		if r := g.run(); r.status != exitGood {
			c.t.Fatalf("%s: exit %d\n%s%s", st.name, r.status, r.out, r.err)
		}
		s.look()
		st.updates, st.ends = s.updates()-before, s.status()
		text, err := os.ReadFile(file)
		if err != nil {
			c.t.Fatal(err)
		}
		st.instants = strings.Split(strings.TrimSpace(string(text)), "\n")
		out.steps = append(out.steps, st)
		c.walked[s.left()] = "nothing happened to it"
		s.settled()
	}
	out.end = s.stand()
	return out
}

// disturbed walks the rollout from its n-th step on. In that step belay is killed,
// as doom says; what was begun is then finished, and the rest walked undisturbed.
func (c *crash) disturbed(t *testing.T, calm calm, n int, doom func(*guestRun, *site)) {
	step := calm.steps[n]
	s := c.site(t, step.begins)
	g := s.step(step.name)
	doom(g, s)
	if r := g.run(); r.status != -1 {
		t.Fatalf("belay was not killed: exit %d\n%s%s", r.status, r.out, r.err)
	}
	s.look()
	for resumed := 0; !s.reached(step.ends); resumed++ {
		if resumed == 3 {
			t.Fatalf("belay does not get on:\n%s", s.belay("status").out)
		}
		if r := s.step(step.name).run(); r.status != exitGood {
			t.Fatalf("resumed: exit %d\n%s%s", r.status, r.out, r.err)
		}
		s.look()
	}
	left := s.left()
	if before, ok := c.walked[left]; ok {
		t.Logf("it goes on as when %s", before)
		return
	}
	c.walked[left] = t.Name()
	for range calm.steps[n+1:] {
		s.settled()
		if r := s.guest("next", s.Domain(), "--yes").run(); r.status != exitGood {
			t.Fatalf("after it: exit %d\n%s%s", r.status, r.out, r.err)
		}
		s.look()
	}
	s.settled()
	got, err := json.MarshalIndent(s.stand(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.MarshalIndent(calm.end, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("it came to another end:\n%s\nwant\n%s", got, want)
	}
}

// killedAt makes the name server kill the guest when it has its k-th update in
// hand: "before" it is carried out, so that it never is, or "after", so that the
// guest never hears of it.
func (g *guestRun) killedAt(k int, stage string) {
	var seen atomic.Int64 // each update comes on a goroutine of the name server
	handled := make(chan struct{})
	g.box.OnUpdate(func(now string, _ []string) {
		switch {
		case now == stage && seen.Add(1) == int64(k):
			g.box.LoseUpdates(stage == "before")
			<-g.started
			if err := g.Process.Kill(); err != nil {
				g.box.t.Error(err)
			}
			<-g.dead
			if stage == "after" {
				close(handled)
			}
		case now == "lost":
			close(handled)
		}
	})
	g.after = func() {
		if g.ProcessState.ExitCode() == -1 {
			<-handled
		}
		g.box.LoseUpdates(false)
		g.box.OnUpdate(nil)
	}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/store"
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

// camp is the lab and the store as they stand between two steps, to be set up
// again.
type camp struct {
	now     time.Time
	state   string // a copy of the store's directory
	records map[[2]string][]string
	body    []byte // nil where there is none
	writes  map[string]int
	bodies  int
}

// stand is what a rollout has led to, and by how much work.
type stand struct {
	Status  statusShape
	Records map[string][]string
	Body    string
	Writes  map[string]int // of the zone, by name
	Bodies  int            // times the body's file was replaced
	Edits   []string       // intents of the journal, in order
}

// site is a lab that a rollout, or the rest of one, happens in.
type site struct {
	*box
	c       *crash
	api     *siteVendor // where the zone is kept; nil for the lab's name server
	earlier camp        // what was written before this site was set up
	bodies  int
	body    fs.FileInfo // as it was when last looked at
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

// site sets up a lab and a store as they stood at from.
func (c *crash) site(t *testing.T, from camp) *site {
	t.Helper()
	b := newBox(t, lab.Options{Start: from.now, MX: 1})
	s := &site{box: b, c: c, earlier: from}
	err := errors.Join(os.RemoveAll(c.web), os.Mkdir(c.web, 0o755), os.Remove(b.WebRoot()), os.Symlink(c.web, b.WebRoot()))
	if err != nil {
		t.Fatal(err)
	}
	for at, values := range from.records {
		if err := b.SetRRset(at[0], at[1], 300, values...); err != nil {
			t.Fatal(err)
		}
	}
	if c.vendor != nil {
		s.api = c.vendor.begin(s, from)
	}
	if from.body != nil {
		if err := errors.Join(os.Mkdir(filepath.Dir(s.bodyPath()), 0o755), os.WriteFile(s.bodyPath(), from.body, 0o644)); err != nil {
			t.Fatal(err)
		}
		s.look()
		s.bodies = 0
	}
	if from.state != "" {
		copyTree(t, b.state, from.state)
	}
	return s
}

// camp copies what stands, to begin there again.
func (s *site) camp() camp {
	s.t.Helper()
	out := camp{now: s.Now(), state: filepath.Join(s.c.t.TempDir(), "state"), writes: s.writes(), bodies: s.bodies, records: map[[2]string][]string{}}
	copyTree(s.t, out.state, s.state)
	for at, values := range s.records() {
		name, typ, _ := strings.Cut(at, " ")
		out.records[[2]string{name, typ}] = values
	}
	out.body = s.readBody()
	return out
}

// step is the guest that carries out a step.
func (s *site) step(name string) *guestRun {
	if name != "new" {
		return s.guest("next", s.Domain(), "--yes")
	}
	provider := "rfc2136"
	if s.api != nil {
		provider = s.c.vendor.provider
	}
	args := []string{
		"new", s.Domain(), "--dns", provider, "--host", "webroot:" + s.c.web, "--rua", "mailto:tlsrpt@" + s.Domain(),
		"--soak", "testing=0", "--soak", "silent=0", "--soak", "enforce=0", "--soak", "max-age=0",
	}
	for _, a := range s.PolicyAddresses() {
		args = append(args, "--host-address", a.String())
	}
	return s.guest(args...)
}

// reached reports whether the rollout stands where a step of the undisturbed one
// ended.
func (s *site) reached(want statusShape) bool {
	s.t.Helper()
	r := s.belay("status", s.Domain(), "--json")
	if r.status != exitGood {
		return false // there is none yet
	}
	var got statusShape
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		s.t.Fatal(err)
	}
	return got.Phase == want.Phase && got.Rung == want.Rung && got.PolicyID == want.PolicyID && got.Since.Equal(want.Since)
}

func (s *site) bodyPath() string { return filepath.Join(s.c.web, ".well-known", "mta-sts.txt") }

func (s *site) readBody() []byte {
	body, err := os.ReadFile(s.bodyPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Fatal(err)
	}
	return body
}

// look counts a write of the body if the file is another one than before. A walk
// writes it once at most.
func (s *site) look() {
	info, err := os.Stat(s.bodyPath())
	if err == nil && (s.body == nil || !os.SameFile(info, s.body)) {
		s.bodies++
		s.body = info
	}
}

// Writes are the writes of the zone since the site was set up, by name.
func (s *site) Writes() map[string]int {
	if s.api != nil {
		return s.api.writes()
	}
	return s.Lab.Writes()
}

// updates is how many updates the zone's keeper has carried out.
func (s *site) updates() (n int) {
	for _, times := range s.Writes() {
		n += times
	}
	return n
}

func (s *site) writes() map[string]int {
	out := maps.Clone(s.earlier.writes)
	if out == nil {
		out = map[string]int{}
	}
	for name, times := range s.Writes() {
		out[name] += times
	}
	return out
}

func (s *site) records() map[string][]string {
	out := map[string][]string{}
	for _, at := range [][2]string{{"_mta-sts.", "TXT"}, {"_smtp._tls.", "TXT"}, {"mta-sts.", "A"}, {"mta-sts.", "AAAA"}, {"mta-sts.", "CNAME"}, {"", "MX"}, {"", "NS"}} {
		if values := s.Records(at[0]+s.Domain(), at[1]); len(values) > 0 {
			out[at[0]+s.Domain()+" "+at[1]] = values
		}
	}
	return out
}

func (s *site) stand() stand {
	out := stand{Status: s.status(), Records: s.records(), Body: string(s.readBody()), Writes: s.writes(), Bodies: s.earlier.bodies + s.bodies}
	for line := range strings.Lines(s.must(exitGood, "log", s.Domain(), "--json").out) {
		var e rollout.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			s.t.Fatal(err)
		}
		if e.Kind == rollout.Intended {
			out.Edits = append(out.Edits, e.PlanHash+" "+e.EditID)
		}
	}
	return out
}

// left is all that belay goes on from: what the world is, and every entry and look
// in the store. Two runs that left the same have the same future, so that only the
// first needs to be walked to its end. What differs between any two runs, though
// nothing came of it, is left out: how long each act took, the serials of zones, and
// of a certificate's fingerprint all but which of them it is.
func (s *site) left() string {
	s.t.Helper()
	ctx := s.t.Context()
	kept, err := store.Open(ctx, s.state)
	if err != nil {
		s.t.Fatal(err)
	}
	journal, err := kept.Journal(ctx, s.Domain())
	evidence, _, err2 := kept.Evidence(ctx, s.Domain())
	history, err3 := kept.History(ctx, s.Domain())
	if err := errors.Join(err, err2, err3, kept.Close()); err != nil {
		s.t.Fatal(err)
	}
	text, err := json.Marshal([]any{s.Now(), s.stand(), journal, evidence, history})
	if err != nil {
		s.t.Fatal(err)
	}
	met := map[string]int{}
	return differing.ReplaceAllStringFunc(string(text), func(what string) string {
		if !strings.HasPrefix(what, `"fingerprint"`) {
			return ""
		}
		if _, ok := met[what]; !ok {
			met[what] = len(met)
		}
		return fmt.Sprintf(`"fingerprint":%d`, met[what])
	})
}

// differing is what no two runs have in common: see left.
var differing = regexp.MustCompile(`"(took|took_ns)":[0-9]+|"serial":[0-9]+| serial [0-9]+|"fingerprint":"[^"]*"`)

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

// copyTree copies a directory, with its files' modes.
func copyTree(t *testing.T, to, from string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

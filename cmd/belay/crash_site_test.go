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
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/store"
)

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
	Files   []string       // in the web root: nothing half-written stays behind
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

// files are what lies in the web root, whatever its name.
func (s *site) files() (out []string) {
	s.t.Helper()
	err := filepath.WalkDir(s.c.web, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, strings.TrimPrefix(path, s.c.web))
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
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
	out := stand{Status: s.status(), Records: s.records(), Body: string(s.readBody()), Files: s.files(), Writes: s.writes(), Bodies: s.earlier.bodies + s.bodies}
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

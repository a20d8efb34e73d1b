package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
	"belay/rollout/store"
)

const (
	testingBody = "version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmax_age: 86400\r\n"
	enforceBody = "version: STSv1\r\nmode: enforce\r\nmx: mx1.corp.test\r\nmax_age: 86400\r\n"
)

// hosted starts a rollout of domain that is served by kind.
func hosted(t testing.TB, s *store.Store, domain, kind string) {
	t.Helper()
	settings := rollout.DefaultSettings()
	settings.DNS, settings.Host = rollout.Account{Provider: "manual"}, rollout.HostAccount{Kind: kind}
	entry := rollout.Entry{At: june, Who: "ann@mail", Kind: rollout.Created, Settings: &settings}
	if _, err := s.Append(t.Context(), domain, 0, entry); err != nil {
		t.Fatal(err)
	}
}

// intended journals the intent to put after in place of before.
func intended(t testing.TB, s *store.Store, domain string, before, after rollout.Value) {
	t.Helper()
	plan := rollout.Plan{Domain: domain, Phase: rollout.HostPolicy, Purpose: rollout.ForPhase, Edits: []rollout.Edit{{
		ID: "1", Kind: rollout.Policy, Account: rollout.HostServe, Name: mtasts.PolicyURL(domain), Type: "policy", Before: before, After: after,
	}}}
	journal, err := s.Journal(t.Context(), domain)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), domain, journal[len(journal)-1].Seq,
		rollout.Entry{At: june, Who: "ann@mail", Kind: rollout.Accepted, Plan: &plan},
		rollout.Entry{At: june, Who: "ann@mail", Kind: rollout.Intended, PlanHash: plan.Hash(), EditID: "1"}); err != nil {
		t.Fatal(err)
	}
}

// serve publishes after in place of before, as a walk does.
func serve(t testing.TB, s *store.Store, domain string, before, after rollout.Value) {
	t.Helper()
	intended(t, s, domain, before, after)
	if _, err := s.Serve(t.Context(), domain, before, after, june); err != nil {
		t.Fatal(err)
	}
}

func TestServeIsWhatTheJournalBears(t *testing.T) {
	s := open(t, t.TempDir())
	hosted(t, s, "corp.test", "serve")
	first, second, absent := rollout.Body(testingBody), rollout.Body(enforceBody), rollout.Absent()

	if v, err := s.Serve(t.Context(), "corp.test", absent, first, june); !errors.Is(err, rollout.ErrRefused) || v.Exists {
		t.Fatalf("a body without intent: %v, %v", v, err)
	}
	intended(t, s, "corp.test", absent, first)
	if v, err := s.Serve(t.Context(), "corp.test", absent, first, june); err != nil || !v.Equal(first) {
		t.Fatalf("an intended body: %v, %v", v, err)
	}
	if v, err := s.Serve(t.Context(), "corp.test", absent, first, june); !errors.Is(err, rollout.ErrStale) || !v.Equal(first) {
		t.Errorf("a second time, as if nothing stood there: %v, %v", v, err)
	}
	if _, err := s.Serve(t.Context(), "corp.test", first, second, june); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("another body without intent: %v", err)
	}
	if _, err := s.Serve(t.Context(), "other.test", absent, first, june); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("the body of another domain: %v", err)
	}
	if _, err := s.Serve(t.Context(), "corp.test", first, absent, june); !errors.Is(err, rollout.ErrRefused) {
		t.Errorf("taken away without intent: %v", err)
	}
	if v, err := s.Served(t.Context(), "corp.test"); err != nil || !v.Equal(first) {
		t.Errorf("what stands is %v, %v", v, err)
	}
	intended(t, s, "corp.test", first, absent)
	if v, err := s.Serve(t.Context(), "corp.test", first, absent, june); err != nil || v.Exists {
		t.Errorf("taken away as intended: %v, %v", v, err)
	}
}

// Whoever writes past belay meets the database's own refusal.
func TestNobodyPutsAnotherBodyIntoTheFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	hosted(t, s, "corp.test", "serve")
	serve(t, s, "corp.test", rollout.Absent(), rollout.Body(testingBody))
	db := raw(t, dir)
	for _, q := range []string{
		"INSERT INTO served VALUES ('corp2.test', 'version: STSv1', '2026-06-01T09:00:00Z', 9)",
		"UPDATE served SET body = 'version: STSv1' WHERE domain = 'corp.test'",
		"DELETE FROM served",
		"UPDATE served SET domain = 'other.test'",
	} {
		if _, err := db.Exec(q); err == nil {
			t.Errorf("%s went through", q)
		}
	}
	if v, err := s.Served(t.Context(), "corp.test"); err != nil || v.Body != testingBody {
		t.Errorf("what stands is %v, %v", v, err)
	}
}

func TestWatchTellsWhatChanged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	hosted(t, s, "a.test", "serve")
	hosted(t, s, "b.test", "webroot")
	serve(t, s, "a.test", rollout.Absent(), rollout.Body(testingBody))
	w := store.WatchServed(dir)
	defer w.Close()

	tells := func(what string, whole bool, want ...rollout.ServedHost) {
		t.Helper()
		got, err := w.Changes(t.Context())
		if err != nil || got.Whole != whole || len(got.Hosts) != len(want) {
			t.Fatalf("%s: %+v, %v; want %+v", what, got, err, want)
		}
		for i := range want {
			got.Hosts[i].Since = time.Time{}
			if h := got.Hosts[i]; h.Domain != want[i].Domain || h.Wanted != want[i].Wanted || !h.Body.Equal(want[i].Body) {
				t.Errorf("%s: %+v, want %+v", what, h, want[i])
			}
		}
	}
	tells("at first", true, rollout.ServedHost{Domain: "a.test", Wanted: true, Body: rollout.Body(testingBody)})
	tells("asked again", false)
	if err := s.SaveEvidence(t.Context(), rollout.Evidence{Domain: "a.test", At: june}); err != nil {
		t.Fatal(err)
	}
	tells("after a look", false)
	hosted(t, s, "c.test", "serve")
	tells("a rollout begins", false, rollout.ServedHost{Domain: "c.test", Wanted: true})
	serve(t, s, "a.test", rollout.Body(testingBody), rollout.Body(enforceBody))
	tells("another body", false, rollout.ServedHost{Domain: "a.test", Wanted: true, Body: rollout.Body(enforceBody)})
	hosted(t, s, "d.test", "webroot")
	if err := s.Forget(t.Context(), "c.test"); err != nil {
		t.Fatal(err)
	}
	tells("one is forgotten", false, rollout.ServedHost{Domain: "c.test"})
	hosted(t, s, "c.test", "serve")
	tells("and begun anew", false, rollout.ServedHost{Domain: "c.test", Wanted: true})
	serve(t, s, "a.test", rollout.Body(enforceBody), rollout.Absent())
	tells("a body is taken away", false, rollout.ServedHost{Domain: "a.test", Wanted: true})
}

func TestWatchSaysWhyNothingCanBeKnown(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "belay.db")
	w := store.WatchServed(dir)
	defer w.Close()
	refuses := func(what string, want error) {
		t.Helper()
		if _, err := w.Changes(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	reads := func(what string) {
		t.Helper()
		got, err := w.Changes(t.Context())
		if err != nil || !got.Whole || len(got.Hosts) != 1 || got.Hosts[0].Body.Body != testingBody {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	refuses("no store", fs.ErrNotExist)
	if _, err := os.Stat(file); err == nil {
		t.Fatal("watching made a store")
	}
	s := open(t, dir)
	hosted(t, s, "a.test", "serve")
	serve(t, s, "a.test", rollout.Absent(), rollout.Body(testingBody))
	reads("a store comes")

	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	refuses("moved away", fs.ErrNotExist)
	if err := os.WriteFile(file, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses("something else in its place", store.ErrCorrupt)
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	reads("put back")

	db := raw(t, dir)
	if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)"); err != nil {
		t.Fatal(err)
	}
	refuses("a newer belay came", store.ErrNewer)
	refuses("and stays", store.ErrNewer)
	if _, err := db.Exec("DELETE FROM goose_db_version WHERE version_id = 99"); err != nil {
		t.Fatal(err)
	}
	reads("it is ours again")
}

func TestServersAreThoseThatRun(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	says := func(want string) {
		t.Helper()
		got, err := s.Servers(t.Context())
		if err != nil || strings.Join(got, "; ") != want {
			t.Fatalf("%q, %v; want %q", got, err, want)
		}
	}
	says("")
	release, err := s.Announce(t.Context(), "process 1 at\x1b[2J [::]:443")
	if err != nil {
		t.Fatal(err)
	}
	second, err := open(t, dir).Announce(t.Context(), "process 2")
	if err != nil {
		t.Fatal(err)
	}
	says("process 1 at [::]:443; process 2")
	if err := release(); err != nil {
		t.Fatal(err)
	}
	says("process 2")
	if err := second(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "serving", "dead.lock"), []byte("killed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	says("")
	if left, _ := os.ReadDir(filepath.Join(dir, "serving")); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

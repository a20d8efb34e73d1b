package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/store"
)

var june = time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)

func open(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func raw(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "belay.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func entry(kind rollout.EntryKind) rollout.Entry {
	return rollout.Entry{At: june, Who: "ann@mail", Kind: kind, Reason: "because"}
}

func TestStoreIsForItsOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("rights are not modes on Windows")
	}
	dir := filepath.Join(t.TempDir(), "a", "belay")
	s := open(t, dir)
	if _, err := s.Append(t.Context(), "corp.test", 0, entry(rollout.Created)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"": 0o700, "belay.db": 0o600, "belay.db-wal": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%q has mode %o, want %o", name, got, want)
		}
	}

	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("a store's directory that stood open still does: %o", info.Mode().Perm())
	}

	shared := t.TempDir()
	os.Chmod(shared, 0o755)
	os.WriteFile(filepath.Join(shared, "letter"), nil, 0o644)
	if _, err := store.Open(t.Context(), shared); err == nil || !strings.Contains(err.Error(), "--state") {
		t.Errorf("a directory of other people's files was taken: %v", err)
	}
}

func TestNewestLookIsKeptAndAllAreFolded(t *testing.T) {
	s := open(t, t.TempDir())
	ctx := t.Context()
	fail := finding.Finding{Code: "M09", Severity: finding.Fail, Subject: "mx1.corp.test"}
	looks := []rollout.Evidence{
		{Domain: "corp.test", At: june, Findings: []finding.Finding{fail}},
		{Domain: "corp.test", At: june.Add(10 * time.Minute)},
		{Domain: "corp.test", At: june.Add(9 * time.Minute), Cut: "overtaken"},
	}
	for _, e := range looks {
		if err := s.SaveEvidence(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	e, ok, err := s.Evidence(ctx, "corp.test")
	if err != nil || !ok || !e.At.Equal(looks[1].At) || e.Cut != "" {
		t.Errorf("kept look is %+v, %v, %v", e, ok, err)
	}
	h, err := s.History(ctx, "corp.test")
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Runs) != 1 || !h.Runs[0].Gone.Equal(looks[1].At) || !h.Last.Equal(looks[1].At) {
		t.Errorf("history is %+v", h)
	}
	// A clock that is set back far makes the newest look all the same.
	if err := s.SaveEvidence(ctx, rollout.Evidence{Domain: "corp.test", At: june.Add(-rollout.Day)}); err != nil {
		t.Fatal(err)
	}
	if e, _, _ := s.Evidence(ctx, "corp.test"); !e.At.Equal(june.Add(-rollout.Day)) {
		t.Errorf("newest look is of %s", e.At)
	}
}

func TestOpenRefusesWhatItMustNotTouch(t *testing.T) {
	t.Run("a damaged store", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, dir)
		for range 50 {
			s.Append(t.Context(), "corp.test", lastSeq(t, s), entry(rollout.Set), entry(rollout.Set), entry(rollout.Set))
		}
		s.Close()
		file := filepath.Join(dir, "belay.db")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := 4096; i < len(b); i += 512 {
			copy(b[i:], "damage damage damage")
		}
		refuses(t, dir, b, store.ErrCorrupt, "put back a copy")
	})
	t.Run("a cut store", func(t *testing.T) {
		dir := t.TempDir()
		open(t, dir).Close()
		b, err := os.ReadFile(filepath.Join(dir, "belay.db"))
		if err != nil {
			t.Fatal(err)
		}
		refuses(t, dir, b[:len(b)-5000], store.ErrCorrupt, "put back a copy")
	})
	t.Run("no database", func(t *testing.T) {
		refuses(t, t.TempDir(), bytes.Repeat([]byte("hello"), 1000), store.ErrCorrupt, "put back a copy")
	})
	t.Run("another program's database", func(t *testing.T) {
		dir := t.TempDir()
		db := raw(t, dir)
		if _, err := db.Exec("CREATE TABLE cookies (x)"); err != nil {
			t.Fatal(err)
		}
		db.Close()
		b, _ := os.ReadFile(filepath.Join(dir, "belay.db"))
		refuses(t, dir, b, store.ErrForeign, "--state")
	})
	t.Run("a newer store", func(t *testing.T) {
		dir := t.TempDir()
		open(t, dir).Close()
		db := raw(t, dir)
		if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)"); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			t.Fatal(err)
		}
		db.Close()
		b, _ := os.ReadFile(filepath.Join(dir, "belay.db"))
		refuses(t, dir, b, store.ErrNewer, "version 99")
	})
}

func TestManyMayMakeAndOpenAStoreAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "belay")
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			s, err := store.Open(t.Context(), dir)
			if err == nil {
				_, err = s.AddReports(t.Context(), []rollout.ReceivedReport{report("1")})
				err = errors.Join(err, s.Close())
			}
			errs[i] = err
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if ds := days(t, open(t, dir), "corp.test"); len(ds) != 1 || ds[0].Reports != 1 {
		t.Errorf("eight imports of one report sum up to %+v", ds)
	}
}

func TestLargeStoreIsCheckedWhereItMatters(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	long := entry(rollout.Set)
	long.Reason = strings.Repeat("because ", 3<<20)
	if _, err := s.Append(t.Context(), "corp.test", 0, long); err != nil {
		t.Fatal(err)
	}
	s.Close()
	open(t, dir).Close() // a sound one opens
	b, err := os.ReadFile(filepath.Join(dir, "belay.db"))
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < 20<<20 {
		t.Fatalf("the store has %d bytes; it should be a large one", len(b))
	}
	for i := 10 << 20; i < len(b); i += 4096 {
		copy(b[i:], "damage")
	}
	refuses(t, dir, b, store.ErrCorrupt, "put back a copy")
}

// refuses shows that Open turns a file down with one sentence and leaves it as
// it was.
func refuses(t *testing.T, dir string, content []byte, want error, says string) {
	t.Helper()
	file := filepath.Join(dir, "belay.db")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), dir)
	if !errors.Is(err, want) || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want %v in one sentence that names the file and says %q", err, want, says)
	}
	after, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(after, content) {
		t.Errorf("the file was touched (%v)", err)
	}
}

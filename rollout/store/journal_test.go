package store_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"belay/rollout"
	"belay/rollout/store"
)

func TestJournalKeepsWhatWasAppended(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	settings := rollout.DefaultSettings()
	created := entry(rollout.Created)
	created.Settings = &settings
	first, err := s.Append(t.Context(), "corp.test", 0, created, entry(rollout.Trusted))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), "other.test", 0, entry(rollout.Created)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), "corp.test", first[1].Seq, entry(rollout.Mended)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, dir)
	got, err := s.Journal(t.Context(), "corp.test")
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0].Kind != rollout.Created || got[2].Kind != rollout.Mended || got[0].Settings.MaxAge != settings.MaxAge {
		t.Fatalf("journal is %+v", got)
	}
	if got[0].Seq >= got[1].Seq || got[1].Seq >= got[2].Seq || got[1].Seq != first[1].Seq || !got[0].At.Equal(june) {
		t.Errorf("numbers or times are wrong: %+v", got)
	}
	domains, err := s.Domains(t.Context())
	if err != nil || strings.Join(domains, " ") != "corp.test other.test" {
		t.Errorf("domains are %v, %v", domains, err)
	}
}

func TestAppendRefusesAStaleCaller(t *testing.T) {
	s := open(t, t.TempDir())
	first, err := s.Append(t.Context(), "corp.test", 0, entry(rollout.Created))
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []int64{0, first[0].Seq + 1, -1} {
		_, err := s.Append(t.Context(), "corp.test", after, entry(rollout.Set), entry(rollout.Set))
		if !errors.Is(err, rollout.ErrStale) {
			t.Errorf("after %d: got %v, want ErrStale", after, err)
		}
	}
	if got, _ := s.Journal(t.Context(), "corp.test"); len(got) != 1 {
		t.Errorf("a refused append wrote: %d entries", len(got))
	}
}

func TestOneOfManyConcurrentAppendsWins(t *testing.T) {
	dir := t.TempDir()
	stores := []*store.Store{open(t, dir), open(t, dir), open(t, dir)}
	for round := range 10 {
		journal, err := stores[0].Journal(t.Context(), "corp.test")
		if err != nil {
			t.Fatal(err)
		}
		after := int64(0)
		if len(journal) > 0 {
			after = journal[len(journal)-1].Seq
		}
		errs := make([]error, len(stores))
		var all sync.WaitGroup
		for i, s := range stores {
			all.Go(func() { _, errs[i] = s.Append(t.Context(), "corp.test", after, entry(rollout.Set)) })
		}
		all.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, rollout.ErrStale):
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d appends won, want 1", round, won)
		}
	}
}

func TestJournalRefusesToBeRewritten(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Append(t.Context(), "corp.test", 0, entry(rollout.Created), entry(rollout.Intended)); err != nil {
		t.Fatal(err)
	}
	db := raw(t, dir)
	for _, q := range []string{
		"UPDATE journal SET entry = '{}'",
		"UPDATE journal SET domain = 'evil.test' WHERE kind = 'created'",
		"DELETE FROM journal",
		"DELETE FROM journal WHERE kind = 'intended'",
		"INSERT OR REPLACE INTO journal (seq, domain, at, kind, entry) VALUES (1, 'corp.test', '', 'set', '{}')",
	} {
		if _, err := db.ExecContext(t.Context(), q); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: got %v, want a refusal", q, err)
		}
	}
	if got, _ := s.Journal(t.Context(), "corp.test"); len(got) != 2 || got[0].Reason != "because" {
		t.Errorf("journal was rewritten: %+v", got)
	}
}

func TestForgetRemovesOneRolloutAndNeverItsNumbers(t *testing.T) {
	s := open(t, t.TempDir())
	ctx := t.Context()
	old, err := s.Append(ctx, "corp.test", 0, entry(rollout.Created), entry(rollout.Set))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(ctx, "other.test", 0, entry(rollout.Created)); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveEvidence(ctx, rollout.Evidence{Domain: "corp.test", At: june}); err != nil {
		t.Fatal(err)
	}
	if err := s.Forget(ctx, "corp.test"); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Journal(ctx, "corp.test"); len(got) != 0 {
		t.Errorf("forgotten journal has %d entries", len(got))
	}
	if _, ok, _ := s.Evidence(ctx, "corp.test"); ok {
		t.Error("the look was not forgotten")
	}
	if domains, _ := s.Domains(ctx); len(domains) != 1 || domains[0] != "other.test" {
		t.Errorf("domains are %v", domains)
	}
	anew, err := s.Append(ctx, "corp.test", 0, entry(rollout.Created))
	if err != nil {
		t.Fatal(err)
	}
	if anew[0].Seq <= old[1].Seq {
		t.Errorf("number %d was given again", anew[0].Seq)
	}
	if err := s.Forget(ctx, "never.test"); !errors.Is(err, rollout.ErrNoRollout) {
		t.Errorf("forgetting what is not there: %v", err)
	}
}

func TestForgottenIsNoLicenceToDeleteWhatCameAfter(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ctx := t.Context()
	s.Append(ctx, "corp.test", 0, entry(rollout.Created))
	if err := s.Forget(ctx, "corp.test"); err != nil {
		t.Fatal(err)
	}
	s.Append(ctx, "corp.test", 0, entry(rollout.Created))
	if _, err := raw(t, dir).ExecContext(ctx, "DELETE FROM journal"); err == nil {
		t.Error("an entry written after Forget could be deleted")
	}
}

func lastSeq(t *testing.T, s *store.Store) int64 {
	t.Helper()
	journal, err := s.Journal(t.Context(), "corp.test")
	if err != nil {
		t.Fatal(err)
	}
	if len(journal) == 0 {
		return 0
	}
	return journal[len(journal)-1].Seq
}

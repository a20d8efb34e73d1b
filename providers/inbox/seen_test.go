package inbox

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSeenTriesAgainWhatCouldNotBeRead: it is said once, taken when it can be read, and
// not again after that.
func TestSeenTriesAgainWhatCouldNotBeRead(t *testing.T) {
	box := files(t, map[string]string{"1.eml": mailOf(t, reportOf("1", "corp.test"))})
	mail, away := filepath.Join(box, "1.eml"), filepath.Join(t.TempDir(), "1.eml")
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Error(err)
		}
	}
	im := importer(&shelf{}, nil)
	im.Seen = new(Seen)
	for i, row := range []struct {
		pause          func()
		taken, skipped int
	}{
		{func() { move(mail, away) }, 0, 1}, // it was listed, and cannot be opened
		{nil, 1, 0},
		{nil, 0, 0},
	} {
		im.Pause = row.pause
		got, err := im.Import(t.Context(), []string{box}, nil)
		if err != nil || got.New != row.taken || len(got.Skipped) != row.skipped {
			t.Errorf("round %d: %d new, skipped %v, error %v", i+1, got.New, got.Skipped, err)
		}
		if row.pause != nil {
			move(away, mail)
		}
	}
}

// TestSeenSaysOnceWhatCannotBeRead: in the rounds after the first it is tried in
// silence.
func TestSeenSaysOnceWhatCannotBeRead(t *testing.T) {
	box, seen := files(t, map[string]string{"1.eml": "a mail"}), new(Seen)
	there := item{path: filepath.Join(box, "1.eml")}
	gone := item{path: filepath.Join(box, "cur", "2"), delivered: true}
	for round := range 3 {
		now := seen.begin("")
		if _, fresh := now.fresh(gone); fresh != (round == 0) {
			t.Errorf("round %d: what cannot be opened is fresh: %v", round, fresh)
		}
		if _, fresh := now.fresh(there); !fresh {
			t.Errorf("round %d: what can be opened again is not tried", round)
		}
		if round == 0 {
			now.missed(gone)
		}
		now.missed(there)
		seen.keep(now)
	}
}

// TestSeenIsForWhatFilesAreWorth: what was about nobody's domain, or not believed, is
// read again once it may be somebody's, or vouched.
func TestSeenIsForWhatFilesAreWorth(t *testing.T) {
	box := files(t, map[string]string{"1.eml": mailOf(t, reportOf("1", "late.test")), "2.eml": mailOf(t, reportOf("2", "corp.test"))})
	im := importer(&shelf{}, nil)
	im.Seen = new(Seen)
	for i, row := range []struct {
		domains               []string
		whose                 string
		fresh, doubles, alien int
	}{
		{[]string{"corp.test"}, "corp.test", 1, 0, 1},
		{[]string{"corp.test"}, "corp.test", 0, 0, 0},
		{[]string{"corp.test", "late.test"}, "corp.test, late.test", 1, 1, 0},
		{[]string{"corp.test", "late.test"}, "corp.test, late.test", 0, 0, 0},
		{[]string{"corp.test", "late.test"}, "corp.test, late.test by mx.corp.test", 0, 2, 0},
	} {
		hosts := map[string][]string{}
		for _, d := range row.domains {
			hosts[d] = nil
		}
		im.Owner, im.SeenFor = Owners(hosts), row.whose
		got, err := im.Import(t.Context(), []string{box}, nil)
		if err != nil || got.New != row.fresh || got.Duplicates != row.doubles || got.Foreign != row.alien {
			t.Errorf("round %d: %+v, error %v", i+1, got, err)
		}
	}
}

// TestWhatWasSeenForFewerIsNotSeenForMore: an import that ends behind one for more
// domains leaves nothing of theirs out.
func TestWhatWasSeenForFewerIsNotSeenForMore(t *testing.T) {
	box := files(t, map[string]string{"1.eml": mailOf(t, reportOf("1", "late.test"))})
	shelf, seen := &shelf{}, new(Seen)
	few, more := importer(shelf, nil), importer(shelf, nil)
	few.Seen, few.SeenFor = seen, "corp.test"
	more.Seen, more.SeenFor, more.Owner = seen, "corp.test, late.test", Owners(map[string][]string{"corp.test": nil, "late.test": nil})
	take := func(im *Importer, paths ...string) (read int) {
		t.Helper()
		got, err := im.Import(t.Context(), paths, nil)
		if err != nil {
			t.Error(err)
		}
		return got.Reports
	}
	few.Pause = func() { take(more) } // begins and ends while few is at work
	if few := take(few, box); few != 1 {
		t.Errorf("for few, %d were read", few)
	}
	if first, second := take(more, box), take(more, box); first != 1 || second != 0 {
		t.Errorf("for more, %d and then %d were read", first, second)
	}
}

package store

import (
	"database/sql"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/tlsrpt"

	"github.com/pressly/goose/v3"
)

// oldStore makes a store of an earlier version with one rollout in it.
func oldStore(t *testing.T, dir string, version int64) {
	t.Helper()
	s := &Store{dir: dir, file: filepath.Join(dir, fileName)}
	if err := s.prepareFile(t.Context()); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.db, err = connect(s.file, "rw"); err != nil {
		t.Fatal(err)
	}
	defer s.db.Close()
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.db, steps, goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), "corp.test", 0, rollout.Entry{Kind: rollout.Created, Who: "ann@mail"}); err != nil {
		t.Fatal(err)
	}
}

func TestMigrationLeavesACopyOfEachEarlierVersion(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o700)
	oldStore(t, dir, 1)
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if v, err := versionOf(t.Context(), s.db); err != nil || v != newestMigration() {
		t.Errorf("store has version %d, %v", v, err)
	}
	if journal, err := s.Journal(t.Context(), "corp.test"); err != nil || len(journal) != 1 {
		t.Errorf("after the migration the journal is %v, %v", journal, err)
	}

	for _, v := range earlierVersions(t) {
		name := filepath.Join(dir, fmt.Sprintf("belay.db.v%d", v))
		if info, err := os.Stat(name); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Fatalf("copy %s: %v, %v", name, info, err)
		}
		db, err := connect(name, "ro")
		if err != nil {
			t.Fatal(err)
		}
		var entries, id int
		if err := db.QueryRow("SELECT count(*) FROM journal").Scan(&entries); err != nil || entries != 1 {
			t.Errorf("the copy has %d entries, %v", entries, err)
		}
		if err := db.QueryRow("PRAGMA application_id").Scan(&id); err != nil || id != applicationID {
			t.Errorf("the copy is marked %x, %v", id, err)
		}
		if has, err := versionOf(t.Context(), db); err != nil || has != v {
			t.Errorf("the copy has version %d, %v; want %d", has, err, v)
		}
		db.Close()
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// earlierVersions are the numbers of the migrations but the newest.
func earlierVersions(t *testing.T) []int64 {
	t.Helper()
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(names) < 2 {
		t.Fatalf("migrations %v, %v", names, err)
	}
	var out []int64
	for _, name := range names[:len(names)-1] {
		var v int64
		if _, err := fmt.Sscanf(filepath.Base(name), "%d_", &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func TestNewStoreNeedsNoCopies(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o700)
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if copies, _ := filepath.Glob(filepath.Join(dir, "belay.db.v*")); len(copies) > 0 {
		t.Errorf("copies of nothing: %v", copies)
	}
}

func TestMakingThatWasCutShortIsTakenUp(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, dir string){
		"before the first byte": func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, fileName), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"after the mark": func(t *testing.T, dir string) {
			s := &Store{dir: dir, file: filepath.Join(dir, fileName)}
			if err := s.prepareFile(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			os.Chmod(dir, 0o700)
			make(t, dir)
			s, err := Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCommitsSurvivePowerLoss(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o700)
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var mode string
	var synchronous int
	if err := s.db.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal_mode is %s, %v", mode, err)
	}
	const full = 2
	if err := s.db.QueryRow("PRAGMA synchronous").Scan(&synchronous); err != nil || synchronous != full {
		t.Errorf("synchronous is %d, %v; want FULL", synchronous, err)
	}
}

func TestTroubleWithTheDiskIsSaidPlainly(t *testing.T) {
	for _, row := range []struct{ name, pragma, says string }{
		{"full", "PRAGMA max_page_count = 1", "the disk is full"},
		{"read-only", "PRAGMA query_only = 1", "cannot be written to"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			os.Chmod(dir, 0o700)
			s, err := Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			s.db.SetMaxOpenConns(1) // the pragma is one connection's
			if _, err := s.db.Exec(row.pragma); err != nil {
				t.Fatal(err)
			}
			long := rollout.Entry{Kind: rollout.Created, At: time.Unix(0, 0), Reason: strings.Repeat("because ", 10000)}
			_, err = s.Append(t.Context(), "corp.test", 0, long, long)
			if err == nil || !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), s.file) {
				t.Fatalf("got %v, want %q and the file's name", err, row.says)
			}
			var entries int
			if err := s.db.QueryRow("SELECT count(*) FROM journal").Scan(&entries); err != nil || entries != 0 {
				t.Errorf("%d entries were written, %v", entries, err)
			}
		})
	}
}

func TestSumsLeaveNothingBehind(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o700)
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := rollout.ReceivedReport{Standing: rollout.Pending, Submitter: "google.com", Raw: []byte("mail")}
	r.Report.ReportID = "1"
	if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{r}); err != nil {
		t.Fatal(err)
	}
	verified := r
	verified.Standing, verified.Signer, verified.Raw = rollout.Verified, "google.com", []byte("other mail")
	if _, err := s.AddReports(t.Context(), []rollout.ReceivedReport{verified}); err != nil {
		t.Fatal(err)
	}
	if err := s.SettlePending(t.Context(), 1, rollout.Verified, "google.com"); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]int{"reports": 1, "mails": 1} {
		if n := rowsOf(t, s.db, table); n != want {
			t.Errorf("%s has %d rows, want %d", table, n, want)
		}
	}
}

// TestPackingThatWasCutShortIsTakenUp: belay was killed after the last migration and
// before all that it left loose was packed.
func TestPackingThatWasCutShortIsTakenUp(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o700)
	oldStore(t, dir, newestMigration())
	db, err := connect(filepath.Join(dir, fileName), "rw")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ends := time.Date(2026, 6, 9, 0, 0, 0, 0, time.UTC).Unix()
	for _, q := range []string{
		"INSERT INTO policy_texts (id, hash, text) VALUES (1, x'00', 'version: STSv1')",
		"INSERT INTO days (id, domain, ends, begins, standing, signer, submitter, source, policy_type, policy_text, reports, success, failure, unexplained) VALUES (1, 'corp.test', ?, 0, 'verified', 'google.com', 'google.com', '', 'sts', 1, 1, 100, 0, 0)",
		"INSERT INTO loose_days (domain, ends) VALUES ('corp.test', ?)",
	} {
		args := []any{ends}[:strings.Count(q, "?")]
		if _, err := db.Exec(q, args...); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if loose, packed := rowsOf(t, s.db, "loose_days"), rowsOf(t, s.db, "packed_days"); loose != 0 || packed != 1 {
		t.Errorf("%d endings are loose, %d are packed", loose, packed)
	}
	if days, err := s.ReportDays(t.Context(), "corp.test", time.Time{}); err != nil || len(days) != 1 || days[0].Success != 100 {
		t.Errorf("sums are %+v, %v", days, err)
	}
}

// TestSumsAreTakenBackFromWhereTheyWereAdded: whatever was folded meanwhile, and however
// often the sums were written and read again, once every report is taken back nothing
// is left, and while some are, they are what was added.
func TestSumsAreTakenBackFromWhereTheyWereAdded(t *testing.T) {
	ends := time.Date(2026, 6, 9, 0, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(6, 8460))
	madeUp := func(most int, of string) string { return fmt.Sprint(of, " ", random.IntN(most)) }
	var in []rollout.ReportDay
	sums := newSums(nil)
	for step := range 12000 {
		switch {
		case step%250 == 0: // another batch
			sums = newSums(sums.standing())
		case len(in) > 0 && (step > 6000 || random.IntN(4) == 0):
			i := random.IntN(len(in))
			sums.takeBack(in[i])
			in = slices.Delete(in, i, i+1)
		default:
			d := rollout.ReportDay{Begins: ends.Add(-time.Duration(random.IntN(4)) * time.Hour), Ends: ends, Standing: rollout.Verified, Signer: madeUp(2, "signer"),
				Submitter: "writer.test", PolicyType: []string{"sts", "STS", "tlsa", "own"}[random.IntN(4)], PolicyText: madeUp(400, "policy"),
				Reports: 1, Success: random.Int64N(9), Failure: random.Int64N(9)}
			if random.IntN(3) == 0 {
				d.Standing, d.Signer, d.Source = rollout.Unsigned, "", "/mail"
			}
			for f := range random.IntN(12) {
				d.Failures = append(d.Failures, rollout.FailureCount{Type: []tlsrpt.ResultType{tlsrpt.CertificateExpired, tlsrpt.TLSAInvalid, tlsrpt.ResultType(madeUp(60, "own"))}[random.IntN(3)],
					MX: fmt.Sprint(f, madeUp(3000, " mx")), Count: 1 + random.Int64N(9)})
			}
			sums.add(d)
			in = append(in, d)
		}
		if step%1000 == 0 || len(in) == 0 {
			if got, want := totals(sums.standing()), totals(in); got != want {
				t.Fatalf("step %d: %s are left, want %s", step, got, want)
			}
		}
		if len(in) == 0 && step > 6000 {
			return
		}
	}
	t.Fatalf("%d are left to be taken back", len(in))
}

// totals are what days say in all, of each writer.
func totals(days []rollout.ReportDay) string {
	sum := map[writer][4]int64{}
	for _, d := range days {
		of := sum[writerOf(d)]
		of[0], of[1], of[2] = of[0]+int64(d.Reports), of[1]+d.Success, of[2]+d.Failure
		for _, f := range d.Failures {
			of[3] += f.Count
		}
		sum[writerOf(d)] = of
	}
	return fmt.Sprint(sum)
}

func rowsOf(t *testing.T, db *sql.DB, table string) int {
	t.Helper()
	var n int
	if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func FuzzUnpack(f *testing.F) {
	day := time.Date(2026, 6, 9, 0, 0, 0, 0, time.UTC)
	f.Add(packSums(nil))
	f.Add(packSums([]rollout.ReportDay{
		{Begins: day.Add(-rollout.Day), Ends: day, Standing: rollout.Verified, Signer: "google.com", Submitter: "google.com", PolicyType: "sts", PolicyText: "version: STSv1",
			Reports: 2, Success: 100, Failure: 7, Failures: []rollout.FailureCount{{Type: "certificate-expired", MX: "mx1.corp.test", Count: 7}}},
		{Begins: day, Ends: day, Late: -3},
	}))
	f.Fuzz(func(t *testing.T, packed []byte) {
		days, err := newUnpacker().unpack(nil, day.Unix(), packed)
		if err != nil {
			return
		}
		again, err := newUnpacker().unpack(nil, day.Unix(), packSums(days))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(days) {
			t.Errorf("packed again: %v, %v, want %v", again, err, days)
		}
	})
}

package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"belay/rollout/finding"
)

// applicationID marks a SQLite file as belay's ("bely" in ASCII; it stands at
// byte 68 of the file).
const applicationID = 0x62656c79

// wholeCheck is the size in bytes up to which a store is checked whole when it is
// opened. A larger one is mostly reports, which can be imported again; checking
// them would hold up the first screen, so only what cannot be had again is
// checked.
const wholeCheck = 16 << 20

// precious are the tables that cannot be had again.
var precious = [...]string{"journal", "forgotten", "looks", "goose_db_version"}

// prepareDir makes dir for its owner alone. A directory that stands open is
// closed to others where it is belay's or empty, else refused: belay does not
// change the rights of other people's files.
func prepareDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the store's directory %s: %w; name another by --state", dir, err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the store's directory %s: %w", dir, err)
	}
	if runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read the store's directory %s: %w", dir, err)
	}
	ours := len(entries) == 0
	for _, e := range entries {
		ours = ours || e.Name() == fileName
	}
	if !ours {
		return fmt.Errorf("the directory %s holds other files and is open to other users; give belay a directory of its own by --state", dir)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("close the store's directory %s to other users: %w", dir, err)
	}
	return nil
}

// prepareFile makes an empty store where there is none, and judges the one that
// is there without writing to it.
func (s *Store) prepareFile(ctx context.Context) error {
	f, err := os.OpenFile(s.file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open store %s: %w; check who owns it, or name another directory by --state", s.file, err)
	}
	info, err := f.Stat()
	header := make([]byte, 100)
	n, readErr := io.ReadFull(f, header)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("read store %s: %w", s.file, err)
	}
	switch {
	case errors.Is(readErr, io.EOF) && n == 0:
		return s.create(ctx)
	case readErr != nil && !errors.Is(readErr, io.ErrUnexpectedEOF):
		return fmt.Errorf("read store %s: %w", s.file, readErr)
	case !bytes.HasPrefix(header, []byte("SQLite format 3\x00")):
		return fmt.Errorf("%s (%w: it is no database)", damaged(s.file), ErrCorrupt)
	case binary.BigEndian.Uint32(header[68:]) != applicationID:
		return fmt.Errorf("%s is %w but some other program's database; name another directory by --state", s.file, ErrForeign)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		if err := os.Chmod(s.file, 0o600); err != nil {
			return fmt.Errorf("close store %s to other users: %w", s.file, err)
		}
	}
	return s.judge(ctx, info.Size())
}

// create marks an empty file as belay's. The mark is the first thing in it, so
// that a store of which the making was cut short is still known as ours.
func (s *Store) create(ctx context.Context) error {
	db, err := connect(s.file, "rwc")
	if err != nil {
		return s.explain("make a store", err)
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	if err := errors.Join(err, db.Close()); err != nil {
		return s.explain("make a store", err)
	}
	return syncDir(s.dir)
}

// judge refuses a store that is damaged or too new.
func (s *Store) judge(ctx context.Context, size int64) error {
	db, err := connect(s.file, "ro")
	if err != nil {
		return s.explain("open store", err)
	}
	defer db.Close()
	if err := s.sound(ctx, db, size); err != nil {
		return err
	}
	has, err := versionOf(ctx, db)
	if err != nil {
		return s.explain("read the store's version", err)
	}
	if newest := newestMigration(); has > newest {
		return fmt.Errorf("the store %s has version %d, this belay knows versions up to %d: it was %w; use that one", s.file, has, newest, ErrNewer)
	}
	return nil
}

// sound runs SQLite's own check.
func (s *Store) sound(ctx context.Context, db *sql.DB, size int64) error {
	checks := []string{"PRAGMA quick_check(1)"}
	if size > wholeCheck {
		checks = nil
		for _, table := range precious {
			checks = append(checks, "PRAGMA quick_check("+table+")")
		}
	}
	for _, check := range checks {
		var verdict string
		if err := db.QueryRowContext(ctx, check).Scan(&verdict); err != nil {
			return s.explain("check the store", err)
		}
		if verdict != "ok" {
			return fmt.Errorf("%s (%w: %s)", damaged(s.file), ErrCorrupt, finding.Clean(verdict, 200))
		}
	}
	return nil
}

// syncDir makes a new or renamed file's name durable. Windows keeps names by
// itself and cannot sync a directory.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return fmt.Errorf("make %s durable: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("make %s durable: %w", dir, err)
	}
	return nil
}

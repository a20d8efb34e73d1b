package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the store to this belay's version, one migration at a time, each
// a transaction of its own, and copies the store away before each. A store
// without any version is new and has nothing worth a copy. The sums that a
// migration left loose are packed then.
func (s *Store) migrate(ctx context.Context) error {
	has, err := versionOf(ctx, s.db)
	if err != nil {
		return err
	}
	if has == newestMigration() {
		return s.Pack(ctx) // an earlier start may have been cut short within it
	}
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.db, steps, goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	// The store was new when it was opened if it has no version yet: then its
	// half-made states are not worth copies either.
	fresh := has == 0
	for {
		if !fresh {
			if err := s.backup(ctx, has); err != nil {
				return err
			}
		}
		done, err := p.UpByOne(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return s.Pack(ctx)
		}
		if err != nil {
			return fmt.Errorf("migrate from version %d: %w", has, err)
		}
		has = done.Source.Version
		if has == newestMigration() {
			return s.Pack(ctx)
		}
	}
}

// backup writes a copy of the store, as of now, to belay.db.v<version>. It is
// whole or not there at all.
func (s *Store) backup(ctx context.Context, version int64) error {
	target := s.file + ".v" + strconv.FormatInt(version, 10)
	part := target + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("copy the store away: %w", err)
	}
	// SQLite fills an empty file that is there, and leaves its rights alone.
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("copy the store away: %w", err)
	}
	_, err = s.db.ExecContext(ctx, "VACUUM INTO ?", part)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("copy the store to %s before it is migrated: %w", target, err), os.Remove(part))
	}
	if err := os.Rename(part, target); err != nil {
		return fmt.Errorf("copy the store away: %w", err)
	}
	return syncDir(s.dir)
}

// versionOf is the version of the store behind db; 0 for one that has none yet.
func versionOf(ctx context.Context, db *sql.DB) (int64, error) {
	var tables int
	err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'goose_db_version'").Scan(&tables)
	if err != nil || tables == 0 {
		return 0, err
	}
	var version int64
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
	return version, err
}

// newestMigration is the version that this belay writes: the highest number
// among the embedded migrations.
func newestMigration() int64 {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		panic("store: the pattern of migrations is sound: " + err.Error())
	}
	var newest int64
	for _, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			panic("store: migration " + name + " has no number")
		}
		newest = max(newest, n)
	}
	return newest
}

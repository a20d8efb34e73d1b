-- +goose Up
CREATE TABLE journal (
	seq    INTEGER PRIMARY KEY AUTOINCREMENT, -- over all domains, and never given twice
	domain TEXT NOT NULL,
	at     TEXT NOT NULL, -- RFC 3339, UTC
	kind   TEXT NOT NULL,
	entry  TEXT NOT NULL  -- rollout.Entry as JSON
) STRICT;

CREATE INDEX journal_by_domain ON journal (domain, seq);

-- What was forgotten stays written down here, up to which entry; only that may
-- leave the journal.
CREATE TABLE forgotten (
	domain TEXT NOT NULL,
	until  INTEGER NOT NULL,
	PRIMARY KEY (domain, until)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
BEGIN
	SELECT RAISE(ABORT, 'the journal is append-only: no entry is ever changed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER journal_is_never_shortened BEFORE DELETE ON journal
WHEN NOT EXISTS (SELECT 1 FROM forgotten WHERE domain = OLD.domain AND until >= OLD.seq)
BEGIN
	SELECT RAISE(ABORT, 'the journal is append-only: no entry is ever removed');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER journal_is_never_replaced BEFORE INSERT ON journal
WHEN NEW.seq IS NOT NULL AND EXISTS (SELECT 1 FROM journal WHERE seq = NEW.seq)
BEGIN
	SELECT RAISE(ABORT, 'the journal is append-only: no entry is ever replaced');
END;
-- +goose StatementEnd

CREATE TABLE looks (
	domain   TEXT PRIMARY KEY,
	at       TEXT NOT NULL,
	evidence TEXT NOT NULL, -- the newest look: rollout.Evidence as JSON
	history  TEXT NOT NULL  -- all looks: rollout.History as JSON
) STRICT, WITHOUT ROWID;

-- +goose Up
-- What belay's own policy server answers with: one body a policy domain.
CREATE TABLE served (
	domain TEXT PRIMARY KEY,
	body   TEXT,             -- NULL: it was taken away. A row is never removed, so that a server can tell the two apart
	since  TEXT NOT NULL,    -- RFC 3339, UTC
	change INTEGER NOT NULL  -- rises with every change, over all domains
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX served_by_change ON served (change);

-- Which host a rollout names, without reading whole journals.
CREATE INDEX journal_settings ON journal (seq) WHERE kind IN ('created', 'set');

-- Whoever writes the body: an operator accepted a plan with it, or it was adopted.
-- +goose StatementBegin
CREATE TRIGGER served_is_in_the_journal BEFORE INSERT ON served
WHEN NEW.body IS NOT NULL
	AND NOT EXISTS (SELECT 1 FROM journal AS j, json_each(j.entry, '$.plan.edits') AS e
		WHERE j.domain = NEW.domain AND j.kind = 'accepted' AND json_extract(e.value, '$.kind') = 'policy' AND json_extract(e.value, '$.after') = NEW.body)
	AND NOT EXISTS (SELECT 1 FROM journal AS j, json_each(j.entry, '$.ledger') AS e
		WHERE j.domain = NEW.domain AND j.kind = 'adopted' AND json_extract(e.value, '$.body') = NEW.body)
BEGIN
	SELECT RAISE(ABORT, 'only a body of the journal is served');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER served_stays_in_the_journal BEFORE UPDATE ON served
WHEN NEW.body IS NOT NULL
	AND NOT EXISTS (SELECT 1 FROM journal AS j, json_each(j.entry, '$.plan.edits') AS e
		WHERE j.domain = NEW.domain AND j.kind = 'accepted' AND json_extract(e.value, '$.kind') = 'policy' AND json_extract(e.value, '$.after') = NEW.body)
	AND NOT EXISTS (SELECT 1 FROM journal AS j, json_each(j.entry, '$.ledger') AS e
		WHERE j.domain = NEW.domain AND j.kind = 'adopted' AND json_extract(e.value, '$.body') = NEW.body)
BEGIN
	SELECT RAISE(ABORT, 'only a body of the journal is served');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER served_is_never_removed BEFORE DELETE ON served
BEGIN
	SELECT RAISE(ABORT, 'a body is taken away by setting it to nothing');
END;
-- +goose StatementEnd

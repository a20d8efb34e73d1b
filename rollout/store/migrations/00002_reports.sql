-- +goose Up
CREATE TABLE reports (
	id           INTEGER PRIMARY KEY,
	-- What tells one report from another, within one signer.
	domain       TEXT NOT NULL,
	organisation TEXT NOT NULL,
	report_id    TEXT NOT NULL,
	begins       INTEGER NOT NULL, -- seconds since 1970
	ends         INTEGER NOT NULL,
	signer       TEXT NOT NULL,    -- empty unless the standing is verified

	standing     TEXT NOT NULL,
	submitter    TEXT NOT NULL,
	source       TEXT NOT NULL,
	content      BLOB NOT NULL, -- SHA-256 of what the report says
	summary      BLOB NOT NULL, -- what it added to the days, zstd over JSON
	mail         INTEGER NOT NULL REFERENCES mails (id)
) STRICT;

CREATE INDEX reports_by_key ON reports (domain, report_id, organisation, begins, ends);
CREATE INDEX reports_by_mail ON reports (mail);

-- The mail or file that reports came in.
CREATE TABLE mails (
	id       INTEGER PRIMARY KEY,
	path     TEXT NOT NULL,
	received INTEGER NOT NULL,
	pending  INTEGER NOT NULL, -- 1 while its signature is to be verified again
	digest   BLOB NOT NULL,    -- SHA-256 of the raw bytes
	raw      BLOB NOT NULL     -- zstd
) STRICT;

CREATE INDEX mails_pending ON mails (id) WHERE pending = 1;

CREATE TABLE policy_texts (
	id   INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE,
	text TEXT NOT NULL
) STRICT;

-- The sums that gates read: always equal to the sum over the reports.
CREATE TABLE days (
	id          INTEGER PRIMARY KEY,
	domain      TEXT NOT NULL,
	ends        INTEGER NOT NULL,
	begins      INTEGER NOT NULL,
	standing    TEXT NOT NULL,
	signer      TEXT NOT NULL,
	submitter   TEXT NOT NULL,
	source      TEXT NOT NULL,
	policy_type TEXT NOT NULL,
	policy_text INTEGER NOT NULL REFERENCES policy_texts (id),
	reports     INTEGER NOT NULL,
	success     INTEGER NOT NULL,
	failure     INTEGER NOT NULL,
	unexplained INTEGER NOT NULL,
	UNIQUE (domain, ends, begins, standing, signer, submitter, source, policy_type, policy_text)
) STRICT;

CREATE TABLE failures (
	day    INTEGER NOT NULL REFERENCES days (id),
	type   TEXT NOT NULL,
	mx     TEXT NOT NULL,
	ip     TEXT NOT NULL,
	reason TEXT NOT NULL,
	count  INTEGER NOT NULL,
	PRIMARY KEY (day, type, mx, ip, reason)
) STRICT, WITHOUT ROWID;

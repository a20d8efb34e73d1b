-- +goose Up
-- How far a mailbox was read: each domain by itself, since what was read before a
-- domain was taken reports for held reports about it that were dropped.
CREATE TABLE cursors (
	source   TEXT NOT NULL,
	domain   TEXT NOT NULL,
	validity INTEGER NOT NULL, -- UIDVALIDITY of the folder (RFC 3501 section 2.3.1.1)
	uid      INTEGER NOT NULL, -- the last mail that was dealt with
	PRIMARY KEY (source, domain)
) STRICT, WITHOUT ROWID;

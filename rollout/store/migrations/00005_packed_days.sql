-- +goose Up
-- How late reports come: of those whose arrival is known, the seconds from the end
-- of the period to the arrival, added up.
ALTER TABLE days ADD COLUMN timed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE days ADD COLUMN late INTEGER NOT NULL DEFAULT 0;

-- All that days and failures have about the periods that end at one moment, in one
-- piece, so that a hundred days of hundreds of reporters are a hundred rows to read.
CREATE TABLE packed_days (
	domain TEXT NOT NULL,
	ends   INTEGER NOT NULL,
	sums   BLOB NOT NULL, -- see packed.go
	PRIMARY KEY (domain, ends)
) STRICT;

-- The moments whose sums have changed since they were packed, or never were: these
-- are read from days and failures.
CREATE TABLE loose_days (
	domain TEXT NOT NULL,
	ends   INTEGER NOT NULL,
	PRIMARY KEY (domain, ends)
) STRICT, WITHOUT ROWID;

INSERT INTO loose_days (domain, ends) SELECT DISTINCT domain, ends FROM days;

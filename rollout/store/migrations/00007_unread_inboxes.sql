-- +goose Up
-- The report inboxes that could not be read to their end when that was tried last: a
-- good reading removes the row.
CREATE TABLE unread_inboxes (
	source TEXT PRIMARY KEY, -- as a rollout's settings name it
	since  TEXT NOT NULL,    -- when it could not be read for the first time since it could
	tried  TEXT NOT NULL,    -- when that was tried last
	why    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Up
-- The report inboxes that could once not be read to their end, by this process or by
-- another one that looks after the same inbox.
CREATE TABLE unread_inboxes (
	source TEXT PRIMARY KEY, -- as a rollout's settings name it
	since  TEXT NOT NULL,    -- when it could not be read for the first time since it last could
	tried  TEXT NOT NULL,    -- when that was tried last
	why    TEXT NOT NULL,
	read   TEXT              -- when it was read to its end since then; NULL for not yet
) STRICT, WITHOUT ROWID;

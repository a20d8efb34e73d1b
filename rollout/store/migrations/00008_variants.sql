-- +goose Up
-- The very mail whose signature is to be verified again is found, however many others
-- claim to be the same report.
CREATE INDEX mails_pending_by_digest ON mails (digest) WHERE pending = 1;

-- A report without an id is known by what it says.
UPDATE reports SET report_id = 'sha256:' || lower(hex(content)) WHERE report_id = '';

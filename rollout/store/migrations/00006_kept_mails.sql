-- +goose Up
-- Mails are kept in a form of belay's own from here on, beside the zstd frames of
-- before. Nothing is changed: an earlier belay, which cannot read them, refuses the
-- store instead.
SELECT 1;

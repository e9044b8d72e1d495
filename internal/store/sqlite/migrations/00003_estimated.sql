-- +goose Up

ALTER TABLE usage ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;

-- Last: whoever sees this version sees all of the above, being one transaction.
PRAGMA user_version = 3;

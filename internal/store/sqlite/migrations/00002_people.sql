-- +goose Up

-- A value stands last in its row: what comes behind a long one is read through
-- all of its pages.
CREATE TABLE secret_2 (
    id            TEXT PRIMARY KEY,
    owner         TEXT NOT NULL,
    name          TEXT NOT NULL,
    description   TEXT NOT NULL,
    enabled       INTEGER NOT NULL,
    env           TEXT NOT NULL,
    file          TEXT NOT NULL,
    lookup        INTEGER NOT NULL,
    selector      TEXT NOT NULL,
    size          INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    value_version INTEGER NOT NULL,
    key_id        TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    ciphertext    BLOB NOT NULL,
    UNIQUE (owner, name)
) STRICT;

INSERT INTO secret_2 (id, owner, name, description, enabled, env, file, lookup, selector, size, version, value_version,
    key_id, created_at, updated_at, ciphertext)
SELECT id, owner, name, description, enabled, env, file, lookup, selector, size, version, value_version,
    key_id, created_at, updated_at, ciphertext FROM secret;
DROP TABLE secret;
ALTER TABLE secret_2 RENAME TO secret;

ALTER TABLE account ADD COLUMN selector TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN limit_requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN limit_tokens INTEGER NOT NULL DEFAULT 0;

ALTER TABLE workspace ADD COLUMN launcher TEXT NOT NULL DEFAULT '';
ALTER TABLE workspace ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE workspace ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workspace ADD COLUMN expires_at INTEGER;
UPDATE workspace SET updated_at = created_at;

DROP INDEX workspace_live;
CREATE INDEX workspace_live ON workspace (owner, created_at, id) WHERE ended_at IS NULL;
CREATE INDEX workspace_newest ON workspace (owner, created_at, id);
CREATE INDEX workspace_expiry ON workspace (expires_at) WHERE ended_at IS NULL AND expires_at IS NOT NULL;

CREATE INDEX audit_newest_of_all ON audit (at, seq);

CREATE TABLE user (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    email      TEXT NOT NULL,
    role       TEXT NOT NULL,
    disabled   INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX user_email ON user (email) WHERE email <> '';

CREATE TABLE token (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    name       TEXT NOT NULL,
    digest     BLOB NOT NULL UNIQUE,
    scopes     INTEGER NOT NULL,
    maker      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX token_of_user ON token (user_id, created_at, id);
CREATE INDEX token_expiry ON token (expires_at) WHERE expires_at <> 0;

CREATE TABLE browser_session (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    digest     BLOB NOT NULL UNIQUE,
    agent      TEXT NOT NULL,
    address    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX browser_session_of_user ON browser_session (user_id, created_at, id);
CREATE INDEX browser_session_expiry ON browser_session (expires_at) WHERE expires_at <> 0;

CREATE TABLE proof (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    digest     BLOB UNIQUE,
    user_code  BLOB UNIQUE,
    user_id    TEXT NOT NULL,
    requester  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    version    INTEGER NOT NULL,
    state      TEXT NOT NULL,
    approver   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX proof_expiry ON proof (expires_at);
CREATE INDEX proof_of_user ON proof (user_id);

CREATE TABLE pool (
    owner           TEXT NOT NULL,
    provider        TEXT NOT NULL,
    namespace       TEXT NOT NULL,
    strategy        TEXT NOT NULL,
    allow_ambiguous INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    PRIMARY KEY (owner, provider, namespace)
) STRICT, WITHOUT ROWID;

CREATE TABLE profile (
    id         TEXT PRIMARY KEY,
    owner      TEXT NOT NULL,
    name       TEXT NOT NULL,
    model      TEXT NOT NULL,
    provider   TEXT NOT NULL,
    namespace  TEXT NOT NULL,
    parameters BLOB,
    active     INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (owner, name)
) STRICT;

CREATE UNIQUE INDEX profile_active ON profile (owner) WHERE active = 1;

CREATE TABLE mcp_server (
    id            TEXT PRIMARY KEY,
    owner         TEXT NOT NULL,
    name          TEXT NOT NULL,
    transport     TEXT NOT NULL,
    url           TEXT NOT NULL,
    command       TEXT NOT NULL,
    args          TEXT NOT NULL,
    has_token     INTEGER NOT NULL,
    headers       TEXT NOT NULL,
    env           TEXT NOT NULL,
    timeout       INTEGER NOT NULL,
    enabled       INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    value_version INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    key_id        TEXT NOT NULL,
    ciphertext    BLOB NOT NULL,
    UNIQUE (owner, name)
) STRICT;

CREATE TABLE checkpoint (
    number    INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    heads     TEXT NOT NULL,
    prev_hash BLOB,
    hash      BLOB,
    key_id    TEXT NOT NULL,
    signature BLOB
) STRICT;

CREATE TABLE idempotency (
    actor      TEXT NOT NULL,
    key        TEXT NOT NULL,
    request    BLOB,
    location   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_age ON idempotency (created_at);

-- Last: whoever sees this version sees all of the above, being one transaction.
PRAGMA user_version = 2;

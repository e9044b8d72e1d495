-- +goose Up
PRAGMA application_id = 0x4b796662;

CREATE TABLE vault (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    custody     TEXT NOT NULL,
    root_key_id TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE data_key (
    owner       TEXT PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    root_key_id TEXT NOT NULL,
    wrapped     BLOB NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE secret (
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
    ciphertext    BLOB NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    UNIQUE (owner, name)
) STRICT;

CREATE TABLE account (
    id            TEXT PRIMARY KEY,
    owner         TEXT NOT NULL,
    provider      TEXT NOT NULL,
    namespace     TEXT NOT NULL,
    label         TEXT NOT NULL,
    kind          TEXT NOT NULL,
    base_url      TEXT NOT NULL,
    quota_group   TEXT NOT NULL,
    enabled       INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    epoch         INTEGER NOT NULL,
    fingerprint   TEXT NOT NULL,
    version       INTEGER NOT NULL,
    value_version INTEGER NOT NULL,
    key_id        TEXT NOT NULL,
    ciphertext    BLOB NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    UNIQUE (owner, provider, namespace, label)
) STRICT;

CREATE TABLE health (
    account    TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    model      TEXT NOT NULL,
    kind       TEXT NOT NULL,
    until      INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE workspace (
    id             TEXT PRIMARY KEY,
    owner          TEXT NOT NULL,
    labels         TEXT NOT NULL,
    namespace      TEXT NOT NULL,
    only_names     TEXT NOT NULL,
    except_names   TEXT NOT NULL,
    providers      TEXT NOT NULL,
    gateway        INTEGER NOT NULL,
    process        TEXT NOT NULL,
    session_digest BLOB UNIQUE,
    gateway_digest BLOB UNIQUE,
    created_at     INTEGER NOT NULL,
    ended_at       INTEGER
) STRICT;

CREATE INDEX workspace_live ON workspace (owner, created_at) WHERE ended_at IS NULL;

CREATE TABLE usage (
    owner         TEXT NOT NULL,
    account       TEXT NOT NULL,
    model         TEXT NOT NULL,
    workspace     TEXT NOT NULL,
    day           TEXT NOT NULL,
    requests      INTEGER NOT NULL,
    rotations     INTEGER NOT NULL,
    errors        INTEGER NOT NULL,
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    unreported    INTEGER NOT NULL,
    PRIMARY KEY (owner, day, account, model, workspace)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    writer      TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    actor_kind  TEXT NOT NULL,
    actor_id    TEXT NOT NULL,
    actor_owner TEXT NOT NULL,
    action      TEXT NOT NULL,
    owner       TEXT NOT NULL,
    subject     TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    detail      TEXT NOT NULL,
    prev_hash   BLOB,
    hash        BLOB,
    PRIMARY KEY (writer, seq)
) STRICT;

CREATE INDEX audit_newest ON audit (owner, at, seq);

CREATE TABLE change (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind  TEXT NOT NULL,
    owner TEXT NOT NULL,
    id    TEXT NOT NULL
) STRICT;

-- Last: whoever sees this version sees all of the above, being one transaction.
PRAGMA user_version = 1;

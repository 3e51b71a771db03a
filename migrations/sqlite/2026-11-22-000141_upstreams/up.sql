-- Providers at which people may sign in instead of with a password here. Times are unix seconds.
--
-- Differs from PostgreSQL in WITHOUT ROWID, as the tables before it.
CREATE TABLE upstreams (
    slug          TEXT   NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL,
    settings      TEXT   NOT NULL,
    sealed_secret TEXT,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
) WITHOUT ROWID;

-- Accounts elsewhere that belong to a user here. The key is who vouches and whom they vouch for,
-- never an email address.
CREATE TABLE linked_accounts (
    id           TEXT   NOT NULL PRIMARY KEY,
    issuer       TEXT   NOT NULL,
    subject      TEXT   NOT NULL,
    user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    slug         TEXT   NOT NULL,
    label        TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    UNIQUE (issuer, subject)
) WITHOUT ROWID;
CREATE INDEX linked_accounts_user ON linked_accounts (user_id);

-- The sessions that began at another provider, so that they end when it says so.
CREATE TABLE upstream_sessions (
    sid          TEXT NOT NULL PRIMARY KEY REFERENCES sessions (sid) ON DELETE CASCADE,
    user_id      TEXT NOT NULL,
    issuer       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    upstream_sid TEXT
) WITHOUT ROWID;
CREATE INDEX upstream_sessions_subject ON upstream_sessions (issuer, subject);
CREATE INDEX upstream_sessions_sid ON upstream_sessions (issuer, upstream_sid);

-- The provider's truth. Times are unix seconds, identifiers and enumerations are text, and secrets
-- are kept as SHA-256 (values with 256 random bits), Argon2id (passwords) or sealed under the
-- master key (what must be readable again).
--
-- Differs from PostgreSQL in WITHOUT ROWID: a table lives in the tree of its key, so a write
-- touches one page less.

-- Named values of the whole installation: the epoch of the revocation list, the version that
-- tells other processes to drop their caches, the hash of the set-up link.
CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE users (
    id                  TEXT    NOT NULL PRIMARY KEY,
    email               TEXT    NOT NULL,
    email_verified      BOOLEAN NOT NULL,
    username            TEXT,
    name                TEXT,
    -- OpenID Connect Core 5.1 claims as a JSON object, without the columns above.
    claims              TEXT    NOT NULL,
    password_hash       TEXT,
    password_changed_at BIGINT,
    blocked_at          BIGINT,
    blocked_reason      TEXT,
    language            TEXT,
    created_at          BIGINT  NOT NULL,
    updated_at          BIGINT  NOT NULL,
    last_sign_in_at     BIGINT
) WITHOUT ROWID;
CREATE INDEX users_created_at ON users (created_at, id);

-- One name space for what people type at sign-in: a user name can never be another's email.
CREATE TABLE login_names (
    canonical TEXT NOT NULL PRIMARY KEY,
    user_id   TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX login_names_user ON login_names (user_id);

CREATE TABLE user_roles (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role    TEXT NOT NULL,
    PRIMARY KEY (user_id, role)
) WITHOUT ROWID;

CREATE TABLE user_groups (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_name TEXT NOT NULL,
    PRIMARY KEY (user_id, group_name)
) WITHOUT ROWID;

-- Browser sessions. `id_hash` is of the cookie; `sid` is the public name in tokens.
CREATE TABLE sessions (
    id_hash      TEXT    NOT NULL PRIMARY KEY,
    sid          TEXT    NOT NULL UNIQUE,
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    auth_time    BIGINT  NOT NULL,
    amr          TEXT    NOT NULL,
    acr          TEXT    NOT NULL,
    remember     BOOLEAN NOT NULL,
    created_at   BIGINT  NOT NULL,
    last_seen_at BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL,
    ended_at     BIGINT,
    ip           TEXT,
    user_agent   TEXT
) WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE clients (
    id           TEXT   NOT NULL PRIMARY KEY,
    name         TEXT   NOT NULL,
    -- RFC 7591 members and our policies for the client, each a JSON object.
    metadata     TEXT   NOT NULL,
    policy       TEXT   NOT NULL,
    disabled_at  BIGINT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX clients_created_at ON clients (created_at, id);

CREATE TABLE client_secrets (
    id          TEXT   NOT NULL PRIMARY KEY,
    client_id   TEXT   NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    secret_hash TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT
) WITHOUT ROWID;
CREATE INDEX client_secrets_client ON client_secrets (client_id);

CREATE TABLE consents (
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id  TEXT   NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scope      TEXT   NOT NULL,
    granted_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
) WITHOUT ROWID;
CREATE INDEX consents_client ON consents (client_id);

-- What a user let a client have, once per authorization request. The id is that of the
-- interaction, so a second answer to one request fails on the primary key.
CREATE TABLE authorizations (
    id         TEXT   NOT NULL PRIMARY KEY,
    client_id  TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    sid        TEXT,
    scope      TEXT   NOT NULL,
    -- The `claims` parameter (OpenID Connect Core 5.5) as JSON.
    claims     TEXT,
    nonce      TEXT,
    auth_time  BIGINT NOT NULL,
    acr        TEXT   NOT NULL,
    amr        TEXT   NOT NULL,
    -- True when the grant outlives the session: offline_access.
    offline    BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    revoked_by TEXT
) WITHOUT ROWID;
CREATE INDEX authorizations_user ON authorizations (user_id, client_id);
CREATE INDEX authorizations_sid ON authorizations (sid);
CREATE INDEX authorizations_expires_at ON authorizations (expires_at);

-- These three are written most, so they have no index and no foreign key that nothing asks for.

-- RFC 6749 4.1.2. `redeemed_at` turns non-null once, in a guarded UPDATE.
CREATE TABLE authorization_codes (
    code_hash        TEXT   NOT NULL PRIMARY KEY,
    authorization_id TEXT   NOT NULL,
    client_id        TEXT   NOT NULL,
    redirect_uri     TEXT   NOT NULL,
    code_challenge   TEXT,
    expires_at       BIGINT NOT NULL,
    redeemed_at      BIGINT
) WITHOUT ROWID;
CREATE INDEX authorization_codes_expires_at ON authorization_codes (expires_at);

-- RFC 6749 6. A family is all tokens of one authorization; `successor_hash` is set when spent.
CREATE TABLE refresh_tokens (
    token_hash       TEXT   NOT NULL PRIMARY KEY,
    authorization_id TEXT   NOT NULL,
    client_id        TEXT   NOT NULL,
    scope            TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    spent_at         BIGINT,
    successor_hash   TEXT,
    retried_at       BIGINT
) WITHOUT ROWID;
CREATE INDEX refresh_tokens_expires_at ON refresh_tokens (expires_at);

-- Access tokens that have a user, and all that cannot be read from the token itself. With
-- `token_hash` and `claims` for formats that only we can look into (opaque, encrypted).
CREATE TABLE issued_tokens (
    expires_at       BIGINT NOT NULL,
    jti              TEXT   NOT NULL,
    client_id        TEXT   NOT NULL,
    user_id          TEXT,
    authorization_id TEXT,
    sid              TEXT,
    issued_at        BIGINT NOT NULL,
    token_hash       TEXT,
    claims           TEXT,
    -- By expiry first: a token names both, what is new lies together, and what is old goes together.
    PRIMARY KEY (expires_at, jti)
) WITHOUT ROWID;
CREATE INDEX issued_tokens_authorization ON issued_tokens (authorization_id)
    WHERE authorization_id IS NOT NULL;
CREATE UNIQUE INDEX issued_tokens_hash ON issued_tokens (token_hash)
    WHERE token_hash IS NOT NULL;

-- What must not be accepted although it verifies. Refused: a token whose jti is listed, or whose
-- iat is not after `not_before` of an entry that applies to it.
CREATE TABLE revocations (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind       TEXT   NOT NULL,
    key        TEXT   NOT NULL,
    not_before BIGINT,
    expires_at BIGINT NOT NULL,
    reason     TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    at         BIGINT NOT NULL
);
CREATE INDEX revocations_key ON revocations (key, kind);
CREATE INDEX revocations_expires_at ON revocations (expires_at);

CREATE TABLE signing_keys (
    kid            TEXT   NOT NULL PRIMARY KEY,
    algorithm      TEXT   NOT NULL,
    -- `sig` or `enc` (RFC 7517 4.2).
    purpose        TEXT   NOT NULL,
    public_jwk     TEXT   NOT NULL,
    sealed_private TEXT   NOT NULL,
    -- next, active, retiring, retired
    state          TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    activate_at    BIGINT NOT NULL,
    activated_at   BIGINT,
    retiring_at    BIGINT,
    retire_at      BIGINT
) WITHOUT ROWID;

-- One-time identifiers seen from outside: the jti of client assertions (RFC 7523 3).
CREATE TABLE seen_jtis (
    hash       TEXT   NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX seen_jtis_expires_at ON seen_jtis (expires_at);

CREATE TABLE audit (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at           BIGINT NOT NULL,
    actor        TEXT   NOT NULL,
    action       TEXT   NOT NULL,
    target       TEXT,
    client_id    TEXT,
    user_id      TEXT,
    result       TEXT   NOT NULL,
    ip           TEXT,
    request_code TEXT,
    details      TEXT
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_user ON audit (user_id, seq);

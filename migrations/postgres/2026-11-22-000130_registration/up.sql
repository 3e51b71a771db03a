-- Clients that registered themselves (RFC 7591), with what they manage their registration with
-- (RFC 7592), and what lets them register. Tokens are kept as SHA-256.
CREATE TABLE registrations (
    client_id          TEXT   NOT NULL PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    token_hash         TEXT   NOT NULL,
    -- The initial access token that it came with; none when anybody may register.
    initial_token_id   TEXT,
    -- As it was sent (RFC 7591 2.3).
    software_statement TEXT,
    created_at         BIGINT NOT NULL,
    -- Turns non-null with the first sign-in or token; who never comes so far is removed.
    used_at            BIGINT
);
CREATE INDEX registrations_unused ON registrations (created_at) WHERE used_at IS NULL;

CREATE TABLE initial_access_tokens (
    id         TEXT   NOT NULL PRIMARY KEY,
    token_hash TEXT   NOT NULL UNIQUE,
    label      TEXT   NOT NULL,
    uses       BIGINT NOT NULL,
    -- Counted down in a guarded UPDATE, together with the client that it lets in.
    uses_left  BIGINT NOT NULL,
    created_by TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX initial_access_tokens_expires_at ON initial_access_tokens (expires_at);

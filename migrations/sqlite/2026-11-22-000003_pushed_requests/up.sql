-- Pushed authorization requests (RFC 9126). Only the SHA-256 of a request_uri is kept.
-- A browser may bring it until usable_until; the row stays until expires_at, so that whoever has
-- begun to sign in can still be answered. spent_at turns non-null once, in a guarded UPDATE.
CREATE TABLE pushed_requests (
    uri_hash     TEXT   NOT NULL PRIMARY KEY,
    client_id    TEXT   NOT NULL,
    parameters   TEXT   NOT NULL,
    -- Whether they came in a signed request object (RFC 9101).
    signed       BOOLEAN NOT NULL,
    usable_until BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    spent_at     BIGINT
) WITHOUT ROWID;
CREATE INDEX pushed_requests_expires_at ON pushed_requests (expires_at);

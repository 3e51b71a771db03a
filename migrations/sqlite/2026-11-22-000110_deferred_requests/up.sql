-- Requests that their client asks about until somebody has decided, elsewhere: devices (RFC 8628)
-- and CIBA. Only the SHA-256 of the code, and a keyed hash of what people type, are kept.
-- Times are unix seconds. `decided_at` and `spent_at` turn non-null once, in guarded UPDATEs.
CREATE TABLE deferred_requests (
    code_hash        TEXT   NOT NULL PRIMARY KEY,
    kind             TEXT   NOT NULL,
    client_id        TEXT   NOT NULL,
    user_id          TEXT,
    user_code        TEXT   UNIQUE,
    request          TEXT   NOT NULL,
    poll_interval    BIGINT NOT NULL,
    poll_after       BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    usable_until     BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    decided_at       BIGINT,
    authorization_id TEXT,
    spent_at         BIGINT
);
CREATE INDEX deferred_requests_expires_at ON deferred_requests (expires_at);
CREATE INDEX deferred_requests_user_id ON deferred_requests (user_id);

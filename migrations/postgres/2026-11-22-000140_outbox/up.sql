-- Messages to clients that go out after the transaction that caused them. `due_at` is null once a
-- message has arrived or was given up; whoever moves it forward in a guarded UPDATE has the message
-- until then. Times are unix seconds.
CREATE TABLE outbox (
    id          TEXT    NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL,
    client_id   TEXT    NOT NULL,
    payload     TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    due_at      BIGINT,
    attempts    INTEGER NOT NULL,
    delivered   BOOLEAN NOT NULL,
    -- What came of the last attempt; null for a message that arrived or was not tried yet.
    problem     TEXT,
    tried_at    BIGINT,
    expires_at  BIGINT  NOT NULL
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_client ON outbox (client_id, created_at);
CREATE INDEX outbox_expires_at ON outbox (expires_at);

-- The clients that a session let in and that want to know when it ends (OpenID Connect Back-Channel
-- Logout 1.0, Front-Channel Logout 1.0).
CREATE TABLE session_clients (
    sid       TEXT NOT NULL REFERENCES sessions (sid) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    PRIMARY KEY (sid, client_id)
);

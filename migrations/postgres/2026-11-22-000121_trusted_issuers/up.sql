-- Who else may vouch for people: issuers whose assertions are taken as a grant (RFC 7523 2.1), and
-- whom they mean, as far as that is said one by one.
CREATE TABLE trusted_issuers (
    id         TEXT   NOT NULL PRIMARY KEY,
    issuer     TEXT   NOT NULL UNIQUE,
    name       TEXT   NOT NULL,
    settings   TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE trusted_subjects (
    issuer_id TEXT NOT NULL REFERENCES trusted_issuers (id) ON DELETE CASCADE,
    subject   TEXT NOT NULL,
    user_id   TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (issuer_id, subject)
);
CREATE INDEX trusted_subjects_user ON trusted_subjects (user_id);

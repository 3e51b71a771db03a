-- APIs that tokens are made for (RFC 8707). `settings` is a JSON object: scopes, the form of the
-- tokens, types of authorization details. `sealed_secret` is what the API shares with us, sealed
-- under the master key.
CREATE TABLE resources (
    id            TEXT   NOT NULL PRIMARY KEY,
    identifier    TEXT   NOT NULL UNIQUE,
    name          TEXT   NOT NULL,
    settings      TEXT   NOT NULL,
    sealed_secret TEXT,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE INDEX resources_created_at ON resources (created_at, id);

-- The resources that tokens of an authorization may be for, as identifiers separated by spaces;
-- null for the default audience alone. The details are a JSON array (RFC 9396).
ALTER TABLE authorizations ADD COLUMN resources TEXT;
ALTER TABLE authorizations ADD COLUMN details TEXT;

-- The details that people have allowed, by the hash of each, the latest last.
ALTER TABLE consents ADD COLUMN details TEXT;

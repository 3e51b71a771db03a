CREATE INDEX authorizations_sid ON authorizations (sid);
CREATE TABLE authorization_codes (
    code_hash        TEXT   NOT NULL PRIMARY KEY,
    authorization_id TEXT   NOT NULL,
    client_id        TEXT   NOT NULL,
    redirect_uri     TEXT   NOT NULL,
    code_challenge   TEXT,
    expires_at       BIGINT NOT NULL,
    redeemed_at      BIGINT,
    dpop_jkt         TEXT
) WITHOUT ROWID;
CREATE INDEX authorization_codes_expires_at ON authorization_codes (expires_at);
ALTER TABLE authorizations DROP COLUMN redeemed_at;
ALTER TABLE authorizations DROP COLUMN dpop_jkt;
ALTER TABLE authorizations DROP COLUMN code_challenge;
ALTER TABLE authorizations DROP COLUMN redirect_uri;
ALTER TABLE authorizations DROP COLUMN code_expires_at;
ALTER TABLE authorizations DROP COLUMN code_hash;

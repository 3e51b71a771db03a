-- An authorization has one code at most, so what belongs to the code stands in its row: what is
-- written with every sign-in is one row less, and the code says where its row is.
ALTER TABLE authorizations ADD COLUMN code_hash TEXT;
ALTER TABLE authorizations ADD COLUMN code_expires_at BIGINT;
ALTER TABLE authorizations ADD COLUMN redirect_uri TEXT;
ALTER TABLE authorizations ADD COLUMN code_challenge TEXT;
ALTER TABLE authorizations ADD COLUMN dpop_jkt TEXT;
-- Turns non-null once, in a guarded UPDATE (RFC 6749 4.1.2).
ALTER TABLE authorizations ADD COLUMN redeemed_at BIGINT;
-- Codes live for a minute: those that are under way are asked for again.
DROP TABLE authorization_codes;
-- Whose session it is, is known wherever a session ends.
DROP INDEX authorizations_sid;

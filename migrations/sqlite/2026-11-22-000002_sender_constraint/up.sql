-- The key that a code is bound to (RFC 9449 10), and what a refresh token of a public client is
-- bound to, as the `cnf` claim (RFC 9449 5, RFC 8705 4).
ALTER TABLE authorization_codes ADD COLUMN dpop_jkt TEXT;
ALTER TABLE refresh_tokens ADD COLUMN confirmation TEXT;
-- A client secret under the master key, for the clients that sign with theirs (client_secret_jwt).
ALTER TABLE client_secrets ADD COLUMN sealed TEXT;

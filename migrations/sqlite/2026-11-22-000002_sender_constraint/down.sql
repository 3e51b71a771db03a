ALTER TABLE client_secrets DROP COLUMN sealed;
ALTER TABLE refresh_tokens DROP COLUMN confirmation;
ALTER TABLE authorization_codes DROP COLUMN dpop_jkt;

-- Tokens whose status foreign services read from a list (IETF Token Status List): which list, and where
-- in it. No two tokens share a place.
ALTER TABLE issued_tokens ADD COLUMN status_list BIGINT;
ALTER TABLE issued_tokens ADD COLUMN status_index BIGINT;
CREATE UNIQUE INDEX issued_tokens_status ON issued_tokens (status_list, status_index)
    WHERE status_list IS NOT NULL;

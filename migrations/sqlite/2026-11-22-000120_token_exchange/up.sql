-- Token exchange (RFC 8693). `parent_jti` names the token that this one was exchanged for, so that
-- it ends with it. `granted_scope` is what was granted, where the token itself says less because
-- its resource knows less: the most that can come of it.
ALTER TABLE issued_tokens ADD COLUMN parent_jti TEXT;
ALTER TABLE issued_tokens ADD COLUMN granted_scope TEXT;
CREATE INDEX issued_tokens_parent ON issued_tokens (parent_jti) WHERE parent_jti IS NOT NULL;

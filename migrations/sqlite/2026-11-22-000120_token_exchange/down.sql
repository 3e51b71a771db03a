DROP INDEX issued_tokens_parent;
ALTER TABLE issued_tokens DROP COLUMN granted_scope;
ALTER TABLE issued_tokens DROP COLUMN parent_jti;

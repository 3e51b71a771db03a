ALTER TABLE issued_tokens DROP COLUMN kid;

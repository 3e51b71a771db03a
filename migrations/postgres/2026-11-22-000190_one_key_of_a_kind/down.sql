ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_active;
DROP INDEX signing_keys_next;

DROP INDEX issued_tokens_status;
ALTER TABLE issued_tokens DROP COLUMN status_index;
ALTER TABLE issued_tokens DROP COLUMN status_list;

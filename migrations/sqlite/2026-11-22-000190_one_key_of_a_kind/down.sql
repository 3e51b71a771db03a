DROP INDEX signing_keys_next;

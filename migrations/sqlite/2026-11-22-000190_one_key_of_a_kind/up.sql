-- An algorithm has one next key and one active one, whoever makes them. Where two were made, the youngest
-- stays: it is the one that signs. A second next key has signed nothing; a second active one stays published
-- until what it signed has expired.
UPDATE signing_keys SET state = 'retired', retire_at = CAST(strftime('%s', 'now') AS INTEGER)
WHERE state = 'next' AND EXISTS (
    SELECT 1 FROM signing_keys AS other
    WHERE other.state = 'next' AND other.algorithm = signing_keys.algorithm
        AND (other.created_at, other.kid) > (signing_keys.created_at, signing_keys.kid)
);
UPDATE signing_keys SET state = 'retiring',
    retiring_at = CAST(strftime('%s', 'now') AS INTEGER),
    retire_at = CAST(strftime('%s', 'now') AS INTEGER) + 86400
WHERE state = 'active' AND EXISTS (
    SELECT 1 FROM signing_keys AS other
    WHERE other.state = 'active' AND other.algorithm = signing_keys.algorithm
        AND (other.created_at, other.kid) > (signing_keys.created_at, signing_keys.kid)
);
CREATE UNIQUE INDEX signing_keys_next ON signing_keys (algorithm) WHERE state = 'next';
-- Active ones have no index as they have on PostgreSQL: SQLite would look at it after each statement, and
-- for a moment within a transaction a new key is active beside the old one. Here one writes at a time.

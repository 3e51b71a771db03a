-- An algorithm has one next key and one active one, whoever makes them. Where two instances made two, the
-- youngest stays: it is the one that signs. A second next key has signed nothing; a second active one stays
-- published until what it signed has expired.
LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE;
UPDATE signing_keys SET state = 'retired', retire_at = CAST(extract(epoch FROM now()) AS BIGINT)
WHERE state = 'next' AND EXISTS (
    SELECT 1 FROM signing_keys AS other
    WHERE other.state = 'next' AND other.algorithm = signing_keys.algorithm
        AND (other.created_at, other.kid) > (signing_keys.created_at, signing_keys.kid)
);
UPDATE signing_keys SET state = 'retiring',
    retiring_at = CAST(extract(epoch FROM now()) AS BIGINT),
    retire_at = CAST(extract(epoch FROM now()) AS BIGINT) + 86400
WHERE state = 'active' AND EXISTS (
    SELECT 1 FROM signing_keys AS other
    WHERE other.state = 'active' AND other.algorithm = signing_keys.algorithm
        AND (other.created_at, other.kid) > (signing_keys.created_at, signing_keys.kid)
);
CREATE UNIQUE INDEX signing_keys_next ON signing_keys (algorithm) WHERE state = 'next';
-- Looked at when a transaction ends: for a moment within it a new key is active beside the old one.
ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_active
    EXCLUDE USING btree (algorithm WITH =) WHERE (state = 'active') DEFERRABLE INITIALLY DEFERRED;

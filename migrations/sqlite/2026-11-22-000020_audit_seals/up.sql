-- Seals over the audit log: each stands for the entries after the one before it, and for that one.
-- Whoever changes or removes an entry breaks the chain, which only the master key can mend.
CREATE TABLE audit_seals (
    number    BIGINT NOT NULL PRIMARY KEY,
    -- The entries up to this number, from where the seal before ended.
    last_seq  BIGINT NOT NULL,
    entries   BIGINT NOT NULL,
    tag       TEXT   NOT NULL,
    sealed_at BIGINT NOT NULL
) WITHOUT ROWID;

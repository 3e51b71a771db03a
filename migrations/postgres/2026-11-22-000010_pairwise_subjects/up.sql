-- The names by which clients with pairwise subjects know people (OpenID Connect Core 8.1): one for
-- each person and sector, so that what ends for the person ends under every name.
CREATE TABLE pairwise_subjects (
    subject    TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sector     TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX pairwise_subjects_user ON pairwise_subjects (user_id);

ALTER TABLE consents DROP COLUMN details;
ALTER TABLE authorizations DROP COLUMN details;
ALTER TABLE authorizations DROP COLUMN resources;
DROP TABLE resources;

DROP TABLE trusted_subjects;
DROP TABLE trusted_issuers;

-- SQLite finds the room of deleted rows by itself; this is for PostgreSQL.
SELECT 1;

DROP TABLE upstream_sessions;
DROP TABLE linked_accounts;
DROP TABLE upstreams;

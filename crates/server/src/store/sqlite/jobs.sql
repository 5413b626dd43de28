-- No part of the layout and its version: a server that does not know this table does without. Times are seconds since 1970, of the server's own work.
CREATE TABLE IF NOT EXISTS jobs (
    name TEXT PRIMARY KEY, last_run INTEGER, last_success INTEGER, holder BLOB, lease_until INTEGER NOT NULL
) STRICT;

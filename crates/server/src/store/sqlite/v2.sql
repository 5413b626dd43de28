-- Drops, the oldest first by rowid. Who dropped them is not known here.
CREATE TABLE inbox (id BLOB PRIMARY KEY, account INTEGER NOT NULL, sealed BLOB NOT NULL, expires INTEGER NOT NULL) STRICT;
CREATE INDEX inbox_account ON inbox (account);
CREATE INDEX inbox_expires ON inbox (expires);
-- Sigchains of accounts that were deleted: others cite them.
CREATE TABLE departed (account BLOB PRIMARY KEY, name TEXT NOT NULL, links BLOB NOT NULL) STRICT;

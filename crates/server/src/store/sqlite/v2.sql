-- Drops, numbered in each inbox from the oldest on: a number of all inboxes together would tell who was invited with whom. Who dropped
-- them is not known here.
CREATE TABLE inbox (
    account INTEGER NOT NULL, nr INTEGER NOT NULL, id BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL, expires INTEGER NOT NULL,
    PRIMARY KEY (account, nr)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_expires ON inbox (expires);
-- Sigchains of accounts that were deleted: others cite them.
CREATE TABLE departed (account BLOB PRIMARY KEY, name TEXT NOT NULL, links BLOB NOT NULL) STRICT;
-- Which blobs are bodies of which entries: a token that died with its epoch reads those alone. Entries that version 1 took in are not here.
CREATE TABLE bodies (journal INTEGER NOT NULL, blob BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (journal, blob, seq)) STRICT, WITHOUT ROWID;

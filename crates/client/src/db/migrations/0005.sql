-- Transfers that were begun and have not ended: the same request goes on where it stopped. `request` is JSON without `limits`, which is apart.
CREATE TABLE unfinished (
    id      INTEGER PRIMARY KEY,
    request TEXT NOT NULL UNIQUE,
    limits  TEXT NOT NULL,
    time    INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    total   INTEGER NOT NULL
);

-- Entries byte for byte, so that a server that was restored from a backup can have them back. `entry` is Borsh; `body` is there if it travelled
-- in blobs; `kept` are milliseconds since 1970.
CREATE TABLE raw_entries (
    journal INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    seq     INTEGER NOT NULL,
    entry   BLOB NOT NULL,
    body    BLOB,
    kept    INTEGER NOT NULL,
    PRIMARY KEY (journal, seq)
);
CREATE INDEX raw_entries_by_age ON raw_entries (kept);

-- What a Reset said to be lost in a restore: blobs of entries that it names.
CREATE TABLE lost_blobs (
    journal INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    blob    BLOB NOT NULL,
    PRIMARY KEY (journal, blob)
) WITHOUT ROWID;

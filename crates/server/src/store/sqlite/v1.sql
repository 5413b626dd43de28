-- Hashes and ids are blobs of 32 or 16 bytes; times are whole hours since 1970.
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY, account BLOB NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, root BLOB NOT NULL,
    home BLOB NOT NULL, quota INTEGER NOT NULL, used INTEGER NOT NULL, suspended INTEGER NOT NULL, created INTEGER NOT NULL
) STRICT;
CREATE TABLE links (account INTEGER NOT NULL, seq INTEGER NOT NULL, link BLOB NOT NULL, PRIMARY KEY (account, seq)) STRICT;
CREATE TABLE devices (account INTEGER NOT NULL, device BLOB NOT NULL, key BLOB NOT NULL, PRIMARY KEY (account, device)) STRICT, WITHOUT ROWID;
CREATE TABLE generations (account INTEGER NOT NULL, number INTEGER NOT NULL, secrets BLOB NOT NULL, PRIMARY KEY (account, number)) STRICT;
CREATE TABLE sessions (hash BLOB PRIMARY KEY, account INTEGER NOT NULL, device BLOB, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_account ON sessions (account, expires);
CREATE INDEX sessions_expires ON sessions (expires);
CREATE TABLE spent (challenge BLOB PRIMARY KEY, hour INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE invites (
    hash BLOB PRIMARY KEY, uses INTEGER NOT NULL, used INTEGER NOT NULL, expires INTEGER NOT NULL, quota INTEGER NOT NULL,
    revoked INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE journals (
    id INTEGER PRIMARY KEY, journal BLOB NOT NULL UNIQUE, creator INTEGER NOT NULL, epoch INTEGER NOT NULL,
    last_seq INTEGER NOT NULL, last_head BLOB NOT NULL, checkpoint INTEGER, closed INTEGER NOT NULL
) STRICT;
CREATE INDEX journals_creator ON journals (creator);
CREATE TABLE epochs (
    journal INTEGER NOT NULL, epoch INTEGER NOT NULL, read_hash BLOB NOT NULL, append_key BLOB NOT NULL, write_key BLOB NOT NULL, admin_key BLOB NOT NULL,
    first_seq INTEGER NOT NULL, last_seq INTEGER, PRIMARY KEY (journal, epoch)
) STRICT, WITHOUT ROWID;
CREATE INDEX epochs_read ON epochs (read_hash);
CREATE TABLE entries (
    journal INTEGER NOT NULL, seq INTEGER NOT NULL, entry BLOB NOT NULL, head BLOB NOT NULL, header BLOB NOT NULL,
    signature BLOB NOT NULL, body BLOB NOT NULL, gone INTEGER NOT NULL, PRIMARY KEY (journal, seq)
) STRICT;
CREATE UNIQUE INDEX entries_entry ON entries (journal, entry);

-- refs: rows of blobs and staged that name the file; live: those of them that count; charged to owner while live > 0.
CREATE TABLE files (
    id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, blob BLOB NOT NULL, owner INTEGER NOT NULL, size INTEGER NOT NULL,
    refs INTEGER NOT NULL, live INTEGER NOT NULL, durable INTEGER NOT NULL
) STRICT;
CREATE TABLE blobs (
    journal INTEGER NOT NULL, blob BLOB NOT NULL, file INTEGER NOT NULL, added INTEGER NOT NULL, dropped INTEGER,
    PRIMARY KEY (journal, blob)
) STRICT, WITHOUT ROWID;
CREATE INDEX blobs_file ON blobs (file);
CREATE INDEX blobs_dropped ON blobs (dropped) WHERE dropped IS NOT NULL;
CREATE TABLE staged (
    journal INTEGER NOT NULL, blob BLOB NOT NULL, file INTEGER NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (journal, blob)
) STRICT, WITHOUT ROWID;
CREATE INDEX staged_file ON staged (file);
CREATE INDEX staged_expires ON staged (expires);

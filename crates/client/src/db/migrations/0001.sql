-- Single values: account, device, server, home (see db/meta.rs).
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- One row per journal that this account reads. `state` is core's JournalState.
CREATE TABLE journals (
    id INTEGER PRIMARY KEY,
    journal BLOB NOT NULL UNIQUE,
    state BLOB NOT NULL,
    last_seq INTEGER NOT NULL,
    alarm TEXT
);

-- The whole head chain: what makes rollback and forks visible.
CREATE TABLE heads (
    journal INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    head BLOB NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (journal, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX heads_by_entry ON heads (journal, entry);

-- The fold of each drive.
CREATE TABLE nodes (
    drive INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    node BLOB NOT NULL,
    parent BLOB NOT NULL,
    name TEXT NOT NULL,
    kind INTEGER NOT NULL,
    mtime_s INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    mode INTEGER NOT NULL,
    target BLOB,
    current BLOB,
    size INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    trashed INTEGER,
    PRIMARY KEY (drive, node)
) WITHOUT ROWID;
CREATE INDEX nodes_by_parent ON nodes (drive, parent, name);
CREATE INDEX nodes_by_change ON nodes (drive, changed);
CREATE INDEX nodes_in_trash ON nodes (drive, trashed) WHERE trashed IS NOT NULL;

CREATE TABLE versions (
    drive INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    node BLOB NOT NULL,
    place INTEGER NOT NULL,
    version BLOB NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    account BLOB NOT NULL,
    device BLOB NOT NULL,
    mtime_s INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    mode INTEGER NOT NULL,
    size INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (drive, node, place)
) WITHOUT ROWID;

CREATE TABLE gone (
    drive INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    node BLOB NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (drive, node)
) WITHOUT ROWID;

CREATE INDEX gone_by_change ON gone (drive, changed);

-- How many contents name a blob directly.
CREATE TABLE blob_refs (
    drive INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    blob BLOB NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (drive, blob)
) WITHOUT ROWID;

-- Keyed hashes of the chunks of versions that this device sent or fetched: an unchanged chunk is not sent again.
CREATE TABLE chunk_hashes (
    version BLOB PRIMARY KEY,
    hashes BLOB NOT NULL
) WITHOUT ROWID;

-- Blobs that the server has staged, until an entry refers to them; `pieces` says which parts of which files they hold.
CREATE TABLE staged (
    drive INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    blob BLOB NOT NULL,
    time INTEGER NOT NULL,
    pieces BLOB NOT NULL,
    PRIMARY KEY (drive, blob)
) WITHOUT ROWID;

-- Chunks of a download that already lie in its part file, with their keyed hashes.
CREATE TABLE fetched (
    part BLOB NOT NULL,
    place INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (part, place)
) WITHOUT ROWID;

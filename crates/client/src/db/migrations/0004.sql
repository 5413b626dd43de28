-- The newest checkpoint that was read; `manifest` is a Borsh Manifest.
CREATE TABLE checkpoints (
    journal  INTEGER PRIMARY KEY REFERENCES journals ON DELETE CASCADE,
    seq      INTEGER NOT NULL,
    manifest BLOB NOT NULL
);

-- Blobs of earlier checkpoints that it no longer cites, until an entry drops them.
CREATE TABLE outdated_blobs (
    journal INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    blob    BLOB NOT NULL,
    PRIMARY KEY (journal, blob)
) WITHOUT ROWID;

-- Drives whose fold begins with a vouched checkpoint that is not loaded yet: where its entry has to stand, what it describes, and whether
-- nothing had been read before.
CREATE TABLE starts (
    journal INTEGER PRIMARY KEY REFERENCES journals ON DELETE CASCADE,
    seq     INTEGER NOT NULL,
    head    BLOB NOT NULL,
    through INTEGER NOT NULL,
    fresh   INTEGER NOT NULL
);

-- What was read between such a checkpoint's `through` and its entry, to be folded when it is loaded; `batch` is Borsh.
CREATE TABLE deferred (
    journal INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    seq     INTEGER NOT NULL,
    batch   BLOB NOT NULL,
    PRIMARY KEY (journal, seq)
) WITHOUT ROWID;

-- Whether a segment was equal, byte for byte, and written by a device of this account, which put its blobs where it says.
ALTER TABLE compared ADD COLUMN exact INTEGER NOT NULL DEFAULT 0;

-- When its author wrote each entry, never later than its reading; none where the body is gone.
ALTER TABLE heads ADD COLUMN time INTEGER;
-- Whether a Prune may take its body: a Change or Checkpoint without citations that still has one.
ALTER TABLE heads ADD COLUMN prunable INTEGER NOT NULL DEFAULT 0;
UPDATE heads SET time = (SELECT time FROM history WHERE history.journal = heads.journal AND history.seq = heads.seq);

-- How many versions a file has, and their bytes together.
ALTER TABLE nodes ADD COLUMN versions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE nodes SET
    versions = (SELECT COUNT(*) FROM versions v WHERE v.drive = nodes.drive AND v.node = nodes.node),
    bytes = (SELECT COALESCE(SUM(v.size), 0) FROM versions v WHERE v.drive = nodes.drive AND v.node = nodes.node);

-- A folder's sums are read from these alone.
DROP INDEX nodes_by_parent;
CREATE INDEX nodes_by_parent ON nodes (drive, parent, name, trashed, kind, size, bytes);
CREATE INDEX folders_by_parent ON nodes (drive, parent, trashed) WHERE kind = 0;

-- Names as a search compares them, close together; `fold` is the client's (db/fold.rs).
CREATE TABLE names (
    drive  INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    node   BLOB NOT NULL,
    folded TEXT NOT NULL,
    PRIMARY KEY (drive, node)
) WITHOUT ROWID;
INSERT INTO names (drive, node, folded) SELECT drive, node, fold(name) FROM nodes;
CREATE INDEX heads_to_prune ON heads (journal, seq) WHERE prunable = 1;

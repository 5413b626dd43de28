-- Sigchains of other people, as last verified.
CREATE TABLE chains (
    account BLOB PRIMARY KEY,
    links   BLOB NOT NULL
) WITHOUT ROWID;

-- Read secrets of the epochs before the one that an invite gave, found by walking back.
CREATE TABLE walked (
    journal BLOB NOT NULL,
    epoch   INTEGER NOT NULL,
    secret  BLOB NOT NULL,
    PRIMARY KEY (journal, epoch)
) WITHOUT ROWID;

-- The hash of each entry's header: with it a chain of heads is proved to a stranger.
ALTER TABLE heads ADD COLUMN header BLOB;

-- The newest receipts: what the server signed.
CREATE TABLE receipts (
    journal   INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    seq       INTEGER NOT NULL,
    head      BLOB NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (journal, seq)
) WITHOUT ROWID;

-- Who did what; `changes` is a Borsh list of lines.
CREATE TABLE history (
    journal     INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    seq         INTEGER NOT NULL,
    time        INTEGER NOT NULL,
    account     BLOB NOT NULL,
    device      BLOB NOT NULL,
    device_name TEXT NOT NULL,
    changes     BLOB NOT NULL,
    more        INTEGER NOT NULL,
    PRIMARY KEY (journal, seq)
) WITHOUT ROWID;

-- The header's hash of the entry of a member that made the alarm, and of the entries that were looked at and are passed over.
ALTER TABLE journals ADD COLUMN culprit BLOB;
CREATE TABLE skipped (
    journal INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    header  BLOB NOT NULL,
    PRIMARY KEY (journal, header)
) WITHOUT ROWID;

-- What came out of the inbox and was refused.
CREATE TABLE refused (
    id    INTEGER PRIMARY KEY,
    time  INTEGER NOT NULL,
    fault TEXT NOT NULL,
    text  TEXT NOT NULL
);

-- Segments of checkpoints that were compared with the own fold.
CREATE TABLE compared (
    journal INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    after   INTEGER NOT NULL,
    upto    INTEGER NOT NULL,
    hash    BLOB NOT NULL,
    PRIMARY KEY (journal, after, upto, hash)
) WITHOUT ROWID;

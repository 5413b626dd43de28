-- Who was last heard when: the newest time that a device signed into an entry, never later than its reading.
CREATE TABLE heard (
    account BLOB NOT NULL,
    device  BLOB NOT NULL,
    time    INTEGER NOT NULL,
    PRIMARY KEY (account, device)
) WITHOUT ROWID;

-- Folders that a get began to make and has not finished: the same command goes on in them.
CREATE TABLE landings (
    target BLOB PRIMARY KEY,
    node   BLOB NOT NULL
) WITHOUT ROWID;

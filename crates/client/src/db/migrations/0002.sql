-- Who was last heard when: the newest time that a device signed into an entry, never later than its reading.
CREATE TABLE heard (
    account BLOB NOT NULL,
    device  BLOB NOT NULL,
    time    INTEGER NOT NULL,
    PRIMARY KEY (account, device)
) WITHOUT ROWID;

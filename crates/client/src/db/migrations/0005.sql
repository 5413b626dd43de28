-- Transfers that were begun and have not ended: the same request goes on where it stopped. `request` is JSON without `limits`, which is apart.
CREATE TABLE unfinished (
    id      INTEGER PRIMARY KEY,
    request TEXT NOT NULL UNIQUE,
    limits  TEXT NOT NULL,
    time    INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    total   INTEGER NOT NULL
);

-- No part of the layout and its version. One row while the server takes back what it lost; taken: when the backup was made, seconds.
CREATE TABLE IF NOT EXISTS healing (one INTEGER PRIMARY KEY CHECK (one = 1), taken INTEGER NOT NULL) STRICT;
-- Nor is this: sigchains that others gave back, until a device of the account comes with the secrets; links as in departed.
CREATE TABLE IF NOT EXISTS awaited (account BLOB PRIMARY KEY, name TEXT NOT NULL, links BLOB NOT NULL) STRICT;

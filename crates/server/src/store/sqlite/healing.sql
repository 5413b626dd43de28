-- No part of the layout and its version. One row while the server takes back what it lost; taken: when the backup was made, seconds.
CREATE TABLE IF NOT EXISTS healing (one INTEGER PRIMARY KEY CHECK (one = 1), taken INTEGER NOT NULL) STRICT;
-- Nor is this: sigchains that others gave back, until a device of the account comes with the secrets; links as in departed.
CREATE TABLE IF NOT EXISTS awaited (account BLOB PRIMARY KEY, name TEXT NOT NULL, links BLOB NOT NULL) STRICT;
-- Nor this: who gave those back whose accounts the server does not know.
CREATE TABLE IF NOT EXISTS strangers (account BLOB PRIMARY KEY, giver INTEGER NOT NULL) STRICT;
-- Nor this: the sealed generations that stood there when it began. Nothing takes their place as long as the account's chain has them.
CREATE TABLE IF NOT EXISTS restored (account INTEGER NOT NULL, number INTEGER NOT NULL, secrets BLOB NOT NULL, PRIMARY KEY (account, number)) STRICT;

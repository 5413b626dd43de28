-- No part of the layout and its version. One row while the server takes back what it lost; taken: when the backup was made, seconds.
CREATE TABLE IF NOT EXISTS healing (one INTEGER PRIMARY KEY CHECK (one = 1), taken INTEGER NOT NULL) STRICT;

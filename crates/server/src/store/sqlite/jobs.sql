-- No part of the layout and its version: a server that does not know this table does without. hour: of the last run; behind: hours from the
-- last success to that, 0 if the last run ended well; holder and expires: who does it now, and until when at most.
CREATE TABLE IF NOT EXISTS jobs (name TEXT PRIMARY KEY, hour INTEGER NOT NULL, behind INTEGER, holder BLOB, expires INTEGER) STRICT;

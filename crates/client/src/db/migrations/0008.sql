-- Whether a device of this account wrote it. Of those that were kept before nobody noted it.
ALTER TABLE raw_entries ADD COLUMN own INTEGER NOT NULL DEFAULT 0;

-- Whether it was read without its body, and no Prune that was read since says why.
ALTER TABLE heads ADD COLUMN withheld INTEGER NOT NULL DEFAULT 0;
CREATE INDEX heads_withheld ON heads (journal) WHERE withheld = 1;

-- Who named a segment first; none where that was not noted.
ALTER TABLE segments ADD COLUMN account BLOB;
ALTER TABLE segments ADD COLUMN device BLOB;

-- What is known of each segment. `own`: a device of this account wrote it, so that its blobs are no file's. `held`: this device wrote it, or
-- opened what its blobs hold. `known`: from which place on a checkpoint may rest on it; none where it was not compared.
ALTER TABLE compared RENAME TO segments;
ALTER TABLE segments RENAME COLUMN exact TO own;
ALTER TABLE segments ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE segments ADD COLUMN known INTEGER;
UPDATE segments SET held = own, known = (SELECT last_seq FROM journals WHERE journals.id = segments.journal);

-- The device that wrote it; none where that was not noted.
ALTER TABLE checkpoints ADD COLUMN device BLOB;

-- Whether another node of this id vanished before it. Of those that changed after the last checkpoint nobody noted it.
ALTER TABLE nodes ADD COLUMN reused INTEGER NOT NULL DEFAULT 0;
UPDATE nodes SET reused = 1
    WHERE changed > COALESCE((SELECT seq FROM checkpoints WHERE checkpoints.journal = nodes.drive), 0);

-- Entries that were read without their bodies.
CREATE INDEX heads_without_body ON heads (journal) WHERE time IS NULL;

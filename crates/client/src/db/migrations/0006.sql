-- How many bytes of a pack contents name, and where the last of them that they ever named ends; 0 for a blob that is one piece.
-- A blob that no content names any more stays here, with count 0, until an entry drops it.
ALTER TABLE blob_refs ADD COLUMN live INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blob_refs ADD COLUMN extent INTEGER NOT NULL DEFAULT 0;
CREATE INDEX blobs_unnamed ON blob_refs (drive, blob) WHERE count = 0;

-- The files whose chunks are named by lists; what a list names is counted nowhere.
CREATE INDEX versions_with_lists ON versions (drive, node) WHERE size > 268435456;

-- Manifests say what they forgot, and a segment counts as compared only as a whole: `segment` is the hash of all that its manifest says of it,
-- and of what is forgotten. What was compared before is compared again.
DROP TABLE compared;
CREATE TABLE compared (
    journal INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    segment BLOB NOT NULL,
    exact   INTEGER NOT NULL,
    PRIMARY KEY (journal, segment)
) WITHOUT ROWID;
DELETE FROM checkpoints;
-- Whether its blobs are gone, so that the next one cannot cite any of them.
ALTER TABLE checkpoints ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
DELETE FROM starts;
DELETE FROM deferred;

-- Whether its owner closed the account: then nobody gets the name again.
ALTER TABLE departed ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX departed_closed ON departed (name) WHERE closed = 1;

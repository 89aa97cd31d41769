-- With after_seq the place of the last event that a job has seen, in the order in which events are read. An open job has 0
-- and begins again: it leaves what arrived or is on its way alone, and only what has failed since is sent once more.
ALTER TABLE recoveries ADD COLUMN after_xact BIGINT NOT NULL DEFAULT 0;

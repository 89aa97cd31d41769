-- Attempts of a delivery that ended with a connection which the receiver had given up: each has a number of its own and
-- is sent again at once, so it is none of those that are counted.
ALTER TABLE deliveries ADD COLUMN stale BIGINT NOT NULL DEFAULT 0;

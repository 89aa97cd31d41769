-- Stopping what is on its way, jobs of two kinds, and what attempts came to.

-- Set while a leased delivery is to end as stopped unless its request succeeds.
ALTER TABLE deliveries ADD COLUMN stop INTEGER NOT NULL DEFAULT 0;

-- kind: 1 makes deliveries for missed events, 2 sends deliveries again. Jobs of one call share their `batch_id`. `fence`
-- is 0: one writer commits in the order of its numbers.
ALTER TABLE recoveries ADD COLUMN kind INTEGER NOT NULL DEFAULT 1;
ALTER TABLE recoveries ADD COLUMN batch_id BLOB;
ALTER TABLE recoveries ADD COLUMN filter TEXT NOT NULL DEFAULT '';
ALTER TABLE recoveries ADD COLUMN after_id BLOB;
ALTER TABLE recoveries ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;

-- One row per endpoint and hour since 1970: how the attempts that ended in it went, and how many answers took at most so
-- many milliseconds and more than the column before says. The row of hour 0 counts deliveries, not attempts: how many
-- stand as delivered, failed and stopped.
CREATE TABLE tallies (
    endpoint_id BLOB NOT NULL,
    hour INTEGER NOT NULL,
    tenant_id BLOB NOT NULL,
    succeeded INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    stopped INTEGER NOT NULL,
    took_5 INTEGER NOT NULL,
    took_10 INTEGER NOT NULL,
    took_20 INTEGER NOT NULL,
    took_50 INTEGER NOT NULL,
    took_100 INTEGER NOT NULL,
    took_200 INTEGER NOT NULL,
    took_500 INTEGER NOT NULL,
    took_1000 INTEGER NOT NULL,
    took_2000 INTEGER NOT NULL,
    took_5000 INTEGER NOT NULL,
    took_15000 INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, hour)
) STRICT, WITHOUT ROWID;

INSERT INTO tallies
SELECT endpoint_id, 0, tenant_id, COUNT(*) FILTER (WHERE state = 2), COUNT(*) FILTER (WHERE state = 3),
    COUNT(*) FILTER (WHERE state = 4), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM deliveries GROUP BY endpoint_id, tenant_id;

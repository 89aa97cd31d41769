-- Stopping what is on its way, jobs of two kinds, and what attempts came to.

-- Set while a leased delivery is to end as stopped unless its request succeeds.
ALTER TABLE deliveries ADD COLUMN stop BOOLEAN NOT NULL DEFAULT FALSE;

-- kind: 1 makes deliveries for missed events, 2 sends deliveries again. Jobs of one call share their `batch_id`. `fence`
-- is the transaction that made the job: once it and all before it have ended, nothing older can still appear.
ALTER TABLE recoveries ADD COLUMN kind SMALLINT NOT NULL DEFAULT 1;
ALTER TABLE recoveries ADD COLUMN batch_id UUID;
ALTER TABLE recoveries ADD COLUMN filter TEXT NOT NULL DEFAULT '';
ALTER TABLE recoveries ADD COLUMN after_id UUID;
ALTER TABLE recoveries ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;

-- One row per endpoint and hour since 1970: how the attempts that ended in it went, and how many answers took at most so
-- many milliseconds and more than the column before says. The row of hour 0 counts deliveries, not attempts: how many
-- stand as delivered, failed and stopped.
CREATE TABLE tallies (
    endpoint_id UUID NOT NULL,
    hour BIGINT NOT NULL,
    tenant_id UUID NOT NULL,
    succeeded BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    stopped BIGINT NOT NULL,
    took_5 BIGINT NOT NULL,
    took_10 BIGINT NOT NULL,
    took_20 BIGINT NOT NULL,
    took_50 BIGINT NOT NULL,
    took_100 BIGINT NOT NULL,
    took_200 BIGINT NOT NULL,
    took_500 BIGINT NOT NULL,
    took_1000 BIGINT NOT NULL,
    took_2000 BIGINT NOT NULL,
    took_5000 BIGINT NOT NULL,
    took_15000 BIGINT NOT NULL,
    PRIMARY KEY (endpoint_id, hour)
) WITH (fillfactor = 50);

INSERT INTO tallies
SELECT endpoint_id, 0, tenant_id, COUNT(*) FILTER (WHERE state = 2), COUNT(*) FILTER (WHERE state = 3),
    COUNT(*) FILTER (WHERE state = 4), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM deliveries GROUP BY endpoint_id, tenant_id;

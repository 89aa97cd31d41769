-- What waits is counted, and the log finds whatever it is asked for by an index.

-- The log by what stands in its rows: five classes by endpoint, kind of event and id, in place of one index of all. While
-- a delivery goes out at once, none of them is touched but that of delivered ones, when it is; what is leased is little,
-- and found by its lease. What waits is described in words of its own by each index, so that each answers its own
-- question and no other: a planner without statistics took them for one another.
CREATE INDEX deliveries_untried ON deliveries (endpoint_id, kind, id) WHERE state < 1 AND attempt = 0 AND NOT test;
CREATE INDEX deliveries_tried ON deliveries (endpoint_id, kind, id) WHERE state < 1 AND attempt > 0 AND NOT test;
CREATE INDEX deliveries_delivered ON deliveries (endpoint_id, kind, id) WHERE state = 2;
CREATE INDEX deliveries_failed ON deliveries (endpoint_id, kind, id) WHERE state = 3;
CREATE INDEX deliveries_stopped ON deliveries (endpoint_id, kind, id) WHERE state = 4;
DROP INDEX deliveries_log;
DROP INDEX deliveries_leased;
CREATE INDEX deliveries_leased ON deliveries (due_at, endpoint_id) WHERE state = 1;
-- When the oldest of what waits was made.
CREATE INDEX deliveries_oldest ON deliveries (endpoint_id, created_at) WHERE state <= 0 AND attempt >= 0 AND NOT test;

-- How many of an endpoint's deliveries wait, tests left out: without a request so far, and after one. They move with each
-- delivery that comes to wait or leaves; what is leased is in neither.
ALTER TABLE lanes ADD COLUMN untried INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lanes ADD COLUMN tried INTEGER NOT NULL DEFAULT 0;
UPDATE lanes SET untried = w.untried, tried = w.tried FROM (
    SELECT endpoint_id, COUNT(*) FILTER (WHERE attempt = 0) AS untried, COUNT(*) FILTER (WHERE attempt > 0) AS tried
    FROM deliveries WHERE state = 0 AND NOT test GROUP BY endpoint_id
) w WHERE w.endpoint_id = lanes.endpoint_id;

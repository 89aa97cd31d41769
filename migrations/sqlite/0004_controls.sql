-- How long the old secret goes on signing after the new one was promoted by itself.
ALTER TABLE endpoints ADD COLUMN keep_old_hours INTEGER;
-- Changes of secrets that are under way: few.
CREATE INDEX endpoints_rotating ON endpoints (other_secret_until) WHERE other_secret_until IS NOT NULL;
-- Tests that wait: few, and sent although their lane is paused.
CREATE INDEX deliveries_tests ON deliveries (due_at) WHERE state = 0 AND test;

-- A key's own share of its tenant's rate limit: requests a minute, or NULL for none. Cores of the release before do not
-- know of shares: calls that they take count for the tenant alone.
ALTER TABLE api_keys ADD COLUMN requests_per_minute BIGINT;

-- The windows of a tenant's keys that have a share: the time of each request, and at the same index the key that made it.
-- They are in the tenant's row, so that one statement counts a request in both windows or in none.
ALTER TABLE rate_windows ADD COLUMN key_hits BIGINT[] NOT NULL DEFAULT '{}';
ALTER TABLE rate_windows ADD COLUMN key_ids UUID[] NOT NULL DEFAULT '{}';

-- A key's own share of its tenant's rate limit: requests a minute, or NULL for none. Cores of the release before do not
-- know of shares: calls that they take count for the tenant alone.
ALTER TABLE api_keys ADD COLUMN requests_per_minute INTEGER;

-- Until when, not included, all writes that a core decided are over: what another core tells of changes ends there.
ALTER TABLE cores ADD COLUMN settled_until BIGINT;

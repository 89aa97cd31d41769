-- What finds deliveries by the ticket of their event, by the status of the last response, and by the time at which they were
-- made; and entries of the audit log by actor and by action.
-- The ticket that an event is about. Events of before have none until they are looked through, which begins a minute after
-- the start; those that cores of the release before write are found in the same way. The nil UUID: their body names none.
ALTER TABLE events ADD COLUMN ticket_id UUID;
CREATE INDEX events_ticket ON events (ticket_id, id) WHERE ticket_id IS NOT NULL;
CREATE INDEX events_unnamed ON events (seq) WHERE ticket_id IS NULL AND NOT test AND kind <> 7;
-- Whether a recovery made it, later than its event happened. The id has the time of the event, so these alone have to be
-- looked for by their own.
ALTER TABLE deliveries ADD COLUMN recovered BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX deliveries_recovered ON deliveries (endpoint_id, created_at, id) WHERE recovered;
CREATE INDEX deliveries_answered ON deliveries (endpoint_id, response_status, id) WHERE response_status IS NOT NULL;
CREATE INDEX audit_log_actor ON audit_log (tenant_id, actor_id, id) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_log_action ON audit_log (tenant_id, action, id);

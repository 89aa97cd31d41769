-- What each commit changed of deliveries and for which tenants it has events, for those who follow: tenant, number of
-- deliveries, their ids, repeated. Rows are kept for minutes. Order and safety of reading are those of events.
CREATE TABLE changes (
    xact XID8 NOT NULL DEFAULT pg_current_xact_id(),
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    at BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (xact, seq)
);
ALTER TABLE changes ALTER COLUMN body SET STORAGE EXTERNAL;

-- Readers go by transaction, then by number: only that order is sure to have no late comer.
DROP INDEX events_tenant;
CREATE INDEX events_tenant ON events (tenant_id, xact, seq);

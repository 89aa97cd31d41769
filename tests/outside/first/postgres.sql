-- Made by make.py: migrations/postgres/0001_first.sql as of 5fbb185, and rows.
-- Everything that the product keeps. Times are microseconds since 1970, JSON is text, a `folded` column
-- holds what is compared without letter case and sorts by code point. Rows name their tenant; the store's functions,
-- not foreign keys, hold references, since a check per row costs as much as the row. The SQLite twin has the same
-- tables, columns and indexes; a test compares them.

CREATE TABLE meta (
    key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Overrides of entitlements: 1 the plan decides, 2 on, 3 off.
CREATE TABLE tenants (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    plan SMALLINT NOT NULL,
    webhooks SMALLINT NOT NULL,
    public_api SMALLINT NOT NULL,
    suspended BOOLEAN NOT NULL,
    requests_per_minute BIGINT,
    last_ticket_number BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX tenants_name ON tenants (name_folded, id);

CREATE TABLE agents (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    email TEXT NOT NULL,
    email_folded TEXT COLLATE "C" NOT NULL,
    role SMALLINT NOT NULL,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX agents_email ON agents (tenant_id, email_folded);
CREATE INDEX agents_name ON agents (tenant_id, name_folded, id);

CREATE TABLE passwords (
    agent_id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    phc TEXT NOT NULL,
    failures BIGINT NOT NULL,
    locked_until BIGINT,
    updated_at BIGINT NOT NULL
);

CREATE TABLE login_codes (
    hash BYTEA NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    agent_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX login_codes_expiry ON login_codes (expires_at);

CREATE TABLE sessions (
    hash BYTEA NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    agent_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_agent ON sessions (tenant_id, agent_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE inboxes (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    email_address TEXT,
    email_folded TEXT COLLATE "C",
    channel SMALLINT NOT NULL,
    enabled BOOLEAN NOT NULL,
    error_code TEXT,
    error_message TEXT,
    error_since BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX inboxes_name ON inboxes (tenant_id, name_folded, id);

-- `tags` repeats ticket_tags as [{"id","name"}] by name, so that one statement reads a ticket.
CREATE TABLE tickets (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    number BIGINT NOT NULL,
    subject TEXT NOT NULL,
    subject_folded TEXT COLLATE "C" NOT NULL,
    status SMALLINT NOT NULL,
    priority SMALLINT NOT NULL,
    inbox_id UUID NOT NULL,
    assignee_id UUID,
    requester_name TEXT,
    requester_email TEXT,
    requester_folded TEXT COLLATE "C",
    tags TEXT NOT NULL,
    channel SMALLINT NOT NULL,
    message_count BIGINT NOT NULL,
    last_message_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    solved_at BIGINT,
    closed_at BIGINT,
    version BIGINT NOT NULL
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX tickets_number ON tickets (tenant_id, number);
CREATE INDEX tickets_created ON tickets (tenant_id, created_at, id);
CREATE INDEX tickets_updated ON tickets (tenant_id, updated_at, id);
CREATE INDEX tickets_assignee ON tickets (tenant_id, assignee_id, created_at, id) WHERE assignee_id IS NOT NULL;
CREATE INDEX tickets_requester ON tickets (tenant_id, requester_folded, created_at, id) WHERE requester_folded IS NOT NULL;

CREATE TABLE tags (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    color TEXT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX tags_name ON tags (tenant_id, name_folded);

CREATE TABLE ticket_tags (
    ticket_id UUID NOT NULL,
    tag_id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (ticket_id, tag_id)
);
CREATE INDEX ticket_tags_tag ON ticket_tags (tag_id, ticket_id);

CREATE TABLE messages (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    ticket_id UUID NOT NULL,
    inbox_id UUID,
    kind SMALLINT NOT NULL,
    author_kind SMALLINT NOT NULL,
    author_id UUID,
    author_name TEXT NOT NULL,
    author_email TEXT,
    body_text TEXT NOT NULL,
    body_html TEXT NOT NULL,
    truncated BOOLEAN NOT NULL,
    message_id TEXT,
    in_reply_to TEXT,
    dedup_key BYTEA,
    provider_id TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX messages_ticket ON messages (ticket_id, created_at, id);
CREATE UNIQUE INDEX messages_dedup ON messages (tenant_id, inbox_id, dedup_key) WHERE dedup_key IS NOT NULL;
CREATE UNIQUE INDEX messages_provider ON messages (tenant_id, provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX messages_thread ON messages (tenant_id, message_id) WHERE message_id IS NOT NULL;

-- A rotated key names its successor and ends when its grace does.
CREATE TABLE api_keys (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    hash BYTEA NOT NULL,
    prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,
    replaced_by UUID,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT,
    revoked_at BIGINT
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_tenant ON api_keys (tenant_id, id);

CREATE TABLE service_tokens (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    hash BYTEA NOT NULL,
    dispatch_only BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);
CREATE UNIQUE INDEX service_tokens_hash ON service_tokens (hash);

-- `events` is the subscription as given, `mask` the same as bits. `secret` signs X-InboxOps-Signature; `other_secret`
-- is the second live one: 1 the next, 2 the one before.
CREATE TABLE endpoints (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    url TEXT NOT NULL,
    description TEXT,
    events TEXT NOT NULL,
    mask BIGINT NOT NULL,
    inbox_ids TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    disabled_reason TEXT,
    rate_per_second BIGINT,
    headers BYTEA,
    headers_key SMALLINT,
    secret BYTEA NOT NULL,
    secret_key SMALLINT NOT NULL,
    secret_hint TEXT NOT NULL,
    other_secret BYTEA,
    other_secret_key SMALLINT,
    other_secret_hint TEXT,
    other_secret_role SMALLINT,
    other_secret_until BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX endpoints_tenant ON endpoints (tenant_id, id);
CREATE INDEX endpoints_deleted ON endpoints (deleted_at) WHERE deleted_at IS NOT NULL;

-- What the dispatcher learned of an endpoint, apart from its settings, so that results do not touch those.
CREATE TABLE endpoint_health (
    endpoint_id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    failures_in_row BIGINT NOT NULL,
    failing_since BIGINT,
    last_success_at BIGINT,
    last_delivery_id UUID,
    last_state SMALLINT,
    last_response_status BIGINT,
    last_error_code TEXT,
    last_at BIGINT,
    warned SMALLINT NOT NULL
) WITH (fillfactor = 50);

-- The outbox. Numbers are given before commits, so a reader stops at `xact` of the oldest running transaction.
CREATE TABLE events (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xact XID8 NOT NULL DEFAULT pg_current_xact_id(),
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    kind SMALLINT NOT NULL,
    group_id UUID NOT NULL,
    inbox_id UUID,
    test BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX events_id ON events (id);
CREATE INDEX events_tenant ON events (tenant_id, seq);

-- state: 0 waiting, 1 leased, 2 delivered, 3 failed, 4 stopped. due_at is the end of the lease while leased.
-- `attempt` counts requests, `failures` drives the schedule.
CREATE TABLE deliveries (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    event_id UUID NOT NULL,
    kind SMALLINT NOT NULL,
    test BOOLEAN NOT NULL,
    state SMALLINT NOT NULL,
    attempt BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    token BIGINT NOT NULL,
    incarnation BIGINT NOT NULL,
    response_status BIGINT,
    error_code TEXT,
    created_at BIGINT NOT NULL,
    settled_at BIGINT
) WITH (fillfactor = 70);
CREATE INDEX deliveries_waiting ON deliveries (endpoint_id, due_at, id) WHERE state = 0;
CREATE INDEX deliveries_leased ON deliveries (due_at) WHERE state = 1;
CREATE INDEX deliveries_log ON deliveries (endpoint_id, id);

-- One row per endpoint: when the first of its waiting deliveries is due; NULL when none waits.
CREATE TABLE lanes (
    endpoint_id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    due_at BIGINT,
    paused BOOLEAN NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX lanes_due ON lanes (due_at) WHERE due_at IS NOT NULL AND NOT paused;

CREATE TABLE attempts (
    delivery_id UUID NOT NULL,
    n BIGINT NOT NULL,
    tenant_id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    started_at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    response_status BIGINT,
    response_body TEXT,
    response_headers TEXT NOT NULL,
    request_headers TEXT NOT NULL,
    error_code TEXT,
    error TEXT,
    succeeded BOOLEAN NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (delivery_id, n)
);

-- Exact numbers of tickets in two grains: 1 by inbox and status, 2 also by priority and assignee (the nil UUID stands
-- for nobody). `slot` is the core that counted.
CREATE TABLE counts (
    tenant_id UUID NOT NULL,
    grain SMALLINT NOT NULL,
    inbox_id UUID NOT NULL,
    status SMALLINT NOT NULL,
    priority SMALLINT NOT NULL,
    assignee_id UUID NOT NULL,
    slot SMALLINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, grain, inbox_id, status, priority, assignee_id, slot)
) WITH (fillfactor = 50);

CREATE TABLE answers (
    tenant_id UUID NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,
    answer BYTEA NOT NULL,
    answer_key SMALLINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX answers_age ON answers (created_at);

CREATE TABLE recoveries (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    after_seq BIGINT NOT NULL,
    matched BIGINT NOT NULL,
    created BIGINT NOT NULL,
    done BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX recoveries_open ON recoveries (id) WHERE NOT done;

CREATE TABLE audit_log (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID,
    actor_kind SMALLINT NOT NULL,
    actor_id UUID,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id UUID,
    detail TEXT NOT NULL,
    origin TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX audit_log_tenant ON audit_log (tenant_id, id);

-- The cores that share the database; one row where there is one process.
CREATE TABLE cores (
    incarnation BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slot SMALLINT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX cores_slot ON cores (slot);

-- The rolling rate limit that all processes share. Losing it with the server costs a minute of exactness.
CREATE UNLOGGED TABLE rate_windows (
    tenant_id UUID NOT NULL PRIMARY KEY,
    hits BIGINT[] NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL);
INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (1, 'first', True, '\x6bd413a917ab819a7077ae7958a02f763795f451dc91228b9bb72dc9a7c65672578a80e493b18ab9f14b4539b5806cb3', 1000000);
INSERT INTO tenants (created_at, updated_at, id, name, name_folded, plan, webhooks, public_api, suspended, last_ticket_number) VALUES (1795510800000000, 1795510800000000, '01a20cc8-8e80-7000-8000-000000000001', 'First', 'first', 3, 1, 1, False, 2);
INSERT INTO agents (created_at, updated_at, id, tenant_id, name, name_folded, email, email_folded, role) VALUES (1795510800000000, 1795510800000000, '01a20cc8-8e80-7000-8000-000000000002', '01a20cc8-8e80-7000-8000-000000000001', 'Grace', 'grace', 'grace@example.com', 'grace@example.com', 1);
INSERT INTO inboxes (created_at, updated_at, id, tenant_id, name, name_folded, email_address, email_folded, channel, enabled) VALUES (1795510800000000, 1795510800000000, '01a20cc8-8e80-7000-8000-000000000003', '01a20cc8-8e80-7000-8000-000000000001', 'Support', 'support', 'support@example.com', 'support@example.com', 1, True);
INSERT INTO tags (id, tenant_id, name, name_folded, color, created_at) VALUES ('01a20cc8-8e80-7000-8000-000000000004', '01a20cc8-8e80-7000-8000-000000000001', 'Größe', 'größe', '#ff0000', 1795510800000000);
INSERT INTO tickets (created_at, updated_at, tenant_id, inbox_id, requester_name, requester_email, requester_folded, channel, version, last_message_at, id, number, subject, subject_folded, status, priority, tags, message_count) VALUES (1795510800000000, 1795510800000000, '01a20cc8-8e80-7000-8000-000000000001', '01a20cc8-8e80-7000-8000-000000000003', 'Ada', 'Ada@example.com', 'ada@example.com', 1, 1, 1795510800000000, '01a20cc8-8e80-7000-8000-00000000000b', 1, 'Broken lamp', 'broken lamp', 1, 2, '[{"id":"01a20cc8-8e80-7000-8000-000000000004","name":"Größe"}]', 2);
INSERT INTO tickets (created_at, updated_at, tenant_id, inbox_id, requester_name, requester_email, requester_folded, channel, version, last_message_at, id, number, subject, subject_folded, status, priority, assignee_id, tags, message_count) VALUES (1795510801000000, 1795510801000000, '01a20cc8-8e80-7000-8000-000000000001', '01a20cc8-8e80-7000-8000-000000000003', 'Ada', 'Ada@example.com', 'ada@example.com', 1, 1, 1795510800000000, '01a20cc8-8e80-7000-8000-00000000000c', 2, 'Wrong book', 'wrong book', 2, 3, '01a20cc8-8e80-7000-8000-000000000002', '[]', 1);
INSERT INTO ticket_tags (ticket_id, tag_id, tenant_id, created_at) VALUES ('01a20cc8-8e80-7000-8000-00000000000b', '01a20cc8-8e80-7000-8000-000000000004', '01a20cc8-8e80-7000-8000-000000000001', 1795510800000000);
INSERT INTO messages (tenant_id, inbox_id, kind, author_kind, author_name, author_email, body_html, truncated, id, ticket_id, body_text, created_at, message_id, dedup_key) VALUES ('01a20cc8-8e80-7000-8000-000000000001', '01a20cc8-8e80-7000-8000-000000000003', 1, 1, 'Ada', 'Ada@example.com', '', False, '01a20cc8-8e80-7000-8000-000000000015', '01a20cc8-8e80-7000-8000-00000000000b', 'It''s broken; the glass said "pling".', 1795510800000000, '<one@example.com>', '\x01010101010101010101010101010101');
INSERT INTO messages (tenant_id, inbox_id, kind, author_kind, author_name, author_email, body_html, truncated, id, ticket_id, body_text, created_at, message_id, in_reply_to, dedup_key) VALUES ('01a20cc8-8e80-7000-8000-000000000001', '01a20cc8-8e80-7000-8000-000000000003', 1, 1, 'Ada', 'Ada@example.com', '', False, '01a20cc8-8e80-7000-8000-000000000016', '01a20cc8-8e80-7000-8000-00000000000b', 'Any news?', 1795510802000000, '<two@example.com>', '<lost@example.com>', '\x02020202020202020202020202020202');
INSERT INTO messages (tenant_id, inbox_id, kind, author_kind, author_name, author_email, body_html, truncated, id, ticket_id, body_text, created_at, message_id, dedup_key) VALUES ('01a20cc8-8e80-7000-8000-000000000001', '01a20cc8-8e80-7000-8000-000000000003', 1, 1, 'Ada', 'Ada@example.com', '', False, '01a20cc8-8e80-7000-8000-000000000017', '01a20cc8-8e80-7000-8000-00000000000c', 'I wanted the other one.', 1795510801000000, '<three@example.com>', '\x03030303030303030303030303030303');
INSERT INTO api_keys (id, tenant_id, name, hash, prefix, created_at, scopes) VALUES ('01a20cc8-8e80-7000-8000-000000000005', '01a20cc8-8e80-7000-8000-000000000001', 'first', '\x703c9801f347923fef67b2d8201cc1736178fd710e522782fb52c0f6a276a56b', 'ixk_Firs', 1795510800000000, 'tickets:read tickets:write messages:read messages:write tags:read tags:write inboxes:read events:read');
INSERT INTO counts (tenant_id, inbox_id, slot, n, grain, status, priority, assignee_id) VALUES ('01a20cc8-8e80-7000-8000-000000000001', '01a20cc8-8e80-7000-8000-000000000003', 0, 1, 1, 1, 0, '00000000-0000-0000-0000-000000000000');
INSERT INTO counts (tenant_id, inbox_id, slot, n, grain, status, priority, assignee_id) VALUES ('01a20cc8-8e80-7000-8000-000000000001', '01a20cc8-8e80-7000-8000-000000000003', 0, 1, 1, 2, 0, '00000000-0000-0000-0000-000000000000');
INSERT INTO counts (tenant_id, inbox_id, slot, n, grain, status, priority, assignee_id) VALUES ('01a20cc8-8e80-7000-8000-000000000001', '01a20cc8-8e80-7000-8000-000000000003', 0, 1, 2, 1, 2, '00000000-0000-0000-0000-000000000000');
INSERT INTO counts (tenant_id, inbox_id, slot, n, grain, status, priority, assignee_id) VALUES ('01a20cc8-8e80-7000-8000-000000000001', '01a20cc8-8e80-7000-8000-000000000003', 0, 1, 2, 2, 3, '01a20cc8-8e80-7000-8000-000000000002');

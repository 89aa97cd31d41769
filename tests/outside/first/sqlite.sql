-- Made by make.py: migrations/sqlite/0001_first.sql as of 5fbb185, and rows.
-- Everything that the product keeps. Ids are 16 bytes, times microseconds since 1970, JSON is text, a `folded` column
-- holds what is compared without letter case. Rows name their tenant; the store's functions, not foreign keys, hold
-- references, since a check per row costs as much as the row. The PostgreSQL twin has the same tables, columns and
-- indexes; a test compares them.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Overrides of entitlements: 1 the plan decides, 2 on, 3 off.
CREATE TABLE tenants (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    plan INTEGER NOT NULL,
    webhooks INTEGER NOT NULL,
    public_api INTEGER NOT NULL,
    suspended INTEGER NOT NULL,
    requests_per_minute INTEGER,
    last_ticket_number INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tenants_name ON tenants (name_folded, id);

CREATE TABLE agents (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    role INTEGER NOT NULL,
    disabled_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX agents_email ON agents (tenant_id, email_folded);
CREATE INDEX agents_name ON agents (tenant_id, name_folded, id);

CREATE TABLE passwords (
    agent_id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    phc TEXT NOT NULL,
    failures INTEGER NOT NULL,
    locked_until INTEGER,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE login_codes (
    hash BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    agent_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX login_codes_expiry ON login_codes (expires_at);

CREATE TABLE sessions (
    hash BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    agent_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_agent ON sessions (tenant_id, agent_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE inboxes (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    email_address TEXT,
    email_folded TEXT,
    channel INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    error_code TEXT,
    error_message TEXT,
    error_since INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX inboxes_name ON inboxes (tenant_id, name_folded, id);

-- `tags` repeats ticket_tags as [{"id","name"}] by name, so that one statement reads a ticket.
CREATE TABLE tickets (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    subject TEXT NOT NULL,
    subject_folded TEXT NOT NULL,
    status INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    inbox_id BLOB NOT NULL,
    assignee_id BLOB,
    requester_name TEXT,
    requester_email TEXT,
    requester_folded TEXT,
    tags TEXT NOT NULL,
    channel INTEGER NOT NULL,
    message_count INTEGER NOT NULL,
    last_message_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    solved_at INTEGER,
    closed_at INTEGER,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tickets_number ON tickets (tenant_id, number);
CREATE INDEX tickets_created ON tickets (tenant_id, created_at, id);
CREATE INDEX tickets_updated ON tickets (tenant_id, updated_at, id);
CREATE INDEX tickets_assignee ON tickets (tenant_id, assignee_id, created_at, id) WHERE assignee_id IS NOT NULL;
CREATE INDEX tickets_requester ON tickets (tenant_id, requester_folded, created_at, id) WHERE requester_folded IS NOT NULL;

CREATE TABLE tags (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    color TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tags_name ON tags (tenant_id, name_folded);

CREATE TABLE ticket_tags (
    ticket_id BLOB NOT NULL,
    tag_id BLOB NOT NULL,
    tenant_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (ticket_id, tag_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_tags_tag ON ticket_tags (tag_id, ticket_id);

-- Bodies can be long, hence rows beside the index and not in it.
CREATE TABLE messages (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    ticket_id BLOB NOT NULL,
    inbox_id BLOB,
    kind INTEGER NOT NULL,
    author_kind INTEGER NOT NULL,
    author_id BLOB,
    author_name TEXT NOT NULL,
    author_email TEXT,
    body_text TEXT NOT NULL,
    body_html TEXT NOT NULL,
    truncated INTEGER NOT NULL,
    message_id TEXT,
    in_reply_to TEXT,
    dedup_key BLOB,
    provider_id TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_ticket ON messages (ticket_id, created_at, id);
CREATE UNIQUE INDEX messages_dedup ON messages (tenant_id, inbox_id, dedup_key) WHERE dedup_key IS NOT NULL;
CREATE UNIQUE INDEX messages_provider ON messages (tenant_id, provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX messages_thread ON messages (tenant_id, message_id) WHERE message_id IS NOT NULL;

-- A rotated key names its successor and ends when its grace does.
CREATE TABLE api_keys (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    name TEXT NOT NULL,
    hash BLOB NOT NULL,
    prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,
    replaced_by BLOB,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_tenant ON api_keys (tenant_id, id);

CREATE TABLE service_tokens (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    hash BLOB NOT NULL,
    dispatch_only INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX service_tokens_hash ON service_tokens (hash);

-- `events` is the subscription as given, `mask` the same as bits. `secret` signs X-InboxOps-Signature; `other_secret`
-- is the second live one: 1 the next, 2 the one before.
CREATE TABLE endpoints (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    url TEXT NOT NULL,
    description TEXT,
    events TEXT NOT NULL,
    mask INTEGER NOT NULL,
    inbox_ids TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    disabled_reason TEXT,
    rate_per_second INTEGER,
    headers BLOB,
    headers_key INTEGER,
    secret BLOB NOT NULL,
    secret_key INTEGER NOT NULL,
    secret_hint TEXT NOT NULL,
    other_secret BLOB,
    other_secret_key INTEGER,
    other_secret_hint TEXT,
    other_secret_role INTEGER,
    other_secret_until INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX endpoints_tenant ON endpoints (tenant_id, id);
CREATE INDEX endpoints_deleted ON endpoints (deleted_at) WHERE deleted_at IS NOT NULL;

-- What the dispatcher learned of an endpoint, apart from its settings, so that results do not touch those.
CREATE TABLE endpoint_health (
    endpoint_id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    failures_in_row INTEGER NOT NULL,
    failing_since INTEGER,
    last_success_at INTEGER,
    last_delivery_id BLOB,
    last_state INTEGER,
    last_response_status INTEGER,
    last_error_code TEXT,
    last_at INTEGER,
    warned INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The outbox. AUTOINCREMENT: a number never comes back, not even after retention took the newest row.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id BLOB NOT NULL,
    tenant_id BLOB NOT NULL,
    kind INTEGER NOT NULL,
    group_id BLOB NOT NULL,
    inbox_id BLOB,
    test INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_id ON events (id);
CREATE INDEX events_tenant ON events (tenant_id, seq);

-- state: 0 waiting, 1 leased, 2 delivered, 3 failed, 4 stopped. due_at is the end of the lease while leased.
-- `attempt` counts requests, `failures` drives the schedule.
CREATE TABLE deliveries (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    endpoint_id BLOB NOT NULL,
    event_id BLOB NOT NULL,
    kind INTEGER NOT NULL,
    test INTEGER NOT NULL,
    state INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    token INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    response_status INTEGER,
    error_code TEXT,
    created_at INTEGER NOT NULL,
    settled_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_waiting ON deliveries (endpoint_id, due_at, id) WHERE state = 0;
CREATE INDEX deliveries_leased ON deliveries (due_at) WHERE state = 1;
CREATE INDEX deliveries_log ON deliveries (endpoint_id, id);

-- One row per endpoint: when the first of its waiting deliveries is due; NULL when none waits.
CREATE TABLE lanes (
    endpoint_id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    due_at INTEGER,
    paused INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lanes_due ON lanes (due_at) WHERE due_at IS NOT NULL AND NOT paused;

CREATE TABLE attempts (
    delivery_id BLOB NOT NULL,
    n INTEGER NOT NULL,
    tenant_id BLOB NOT NULL,
    endpoint_id BLOB NOT NULL,
    started_at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    response_status INTEGER,
    response_body TEXT,
    response_headers TEXT NOT NULL,
    request_headers TEXT NOT NULL,
    error_code TEXT,
    error TEXT,
    succeeded INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, n)
) STRICT, WITHOUT ROWID;

-- Exact numbers of tickets in two grains: 1 by inbox and status, 2 also by priority and assignee (16 zero bytes stand
-- for nobody). `slot` is the core that counted.
CREATE TABLE counts (
    tenant_id BLOB NOT NULL,
    grain INTEGER NOT NULL,
    inbox_id BLOB NOT NULL,
    status INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    assignee_id BLOB NOT NULL,
    slot INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, grain, inbox_id, status, priority, assignee_id, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE answers (
    tenant_id BLOB NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    answer BLOB NOT NULL,
    answer_key INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_age ON answers (created_at);

CREATE TABLE recoveries (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    endpoint_id BLOB NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    after_seq INTEGER NOT NULL,
    matched INTEGER NOT NULL,
    created INTEGER NOT NULL,
    done INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX recoveries_open ON recoveries (id) WHERE NOT done;

CREATE TABLE audit_log (
    id BLOB NOT NULL PRIMARY KEY,
    tenant_id BLOB,
    actor_kind INTEGER NOT NULL,
    actor_id BLOB,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id BLOB,
    detail TEXT NOT NULL,
    origin TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_log_tenant ON audit_log (tenant_id, id);

-- The cores that share the database; one row where there is one process.
CREATE TABLE cores (
    incarnation INTEGER NOT NULL PRIMARY KEY,
    slot INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX cores_slot ON cores (slot);

CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL);
INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (1, 'first', 1, x'2be20e1a03beca224e13524dc8345c8d33bd57e97ac88d99cb3e7309283482a39be823f80b56aba5f22bc5eb1c3d96b7', 1000000);
INSERT INTO tenants (created_at, updated_at, id, name, name_folded, plan, webhooks, public_api, suspended, last_ticket_number) VALUES (1795510800000000, 1795510800000000, x'01a20cc88e8070008000000000000001', 'First', 'first', 3, 1, 1, 0, 2);
INSERT INTO agents (created_at, updated_at, id, tenant_id, name, name_folded, email, email_folded, role) VALUES (1795510800000000, 1795510800000000, x'01a20cc88e8070008000000000000002', x'01a20cc88e8070008000000000000001', 'Grace', 'grace', 'grace@example.com', 'grace@example.com', 1);
INSERT INTO inboxes (created_at, updated_at, id, tenant_id, name, name_folded, email_address, email_folded, channel, enabled) VALUES (1795510800000000, 1795510800000000, x'01a20cc88e8070008000000000000003', x'01a20cc88e8070008000000000000001', 'Support', 'support', 'support@example.com', 'support@example.com', 1, 1);
INSERT INTO tags (id, tenant_id, name, name_folded, color, created_at) VALUES (x'01a20cc88e8070008000000000000004', x'01a20cc88e8070008000000000000001', 'Größe', 'größe', '#ff0000', 1795510800000000);
INSERT INTO tickets (created_at, updated_at, tenant_id, inbox_id, requester_name, requester_email, requester_folded, channel, version, last_message_at, id, number, subject, subject_folded, status, priority, tags, message_count) VALUES (1795510800000000, 1795510800000000, x'01a20cc88e8070008000000000000001', x'01a20cc88e8070008000000000000003', 'Ada', 'Ada@example.com', 'ada@example.com', 1, 1, 1795510800000000, x'01a20cc88e807000800000000000000b', 1, 'Broken lamp', 'broken lamp', 1, 2, '[{"id":"01a20cc8-8e80-7000-8000-000000000004","name":"Größe"}]', 2);
INSERT INTO tickets (created_at, updated_at, tenant_id, inbox_id, requester_name, requester_email, requester_folded, channel, version, last_message_at, id, number, subject, subject_folded, status, priority, assignee_id, tags, message_count) VALUES (1795510801000000, 1795510801000000, x'01a20cc88e8070008000000000000001', x'01a20cc88e8070008000000000000003', 'Ada', 'Ada@example.com', 'ada@example.com', 1, 1, 1795510800000000, x'01a20cc88e807000800000000000000c', 2, 'Wrong book', 'wrong book', 2, 3, x'01a20cc88e8070008000000000000002', '[]', 1);
INSERT INTO ticket_tags (ticket_id, tag_id, tenant_id, created_at) VALUES (x'01a20cc88e807000800000000000000b', x'01a20cc88e8070008000000000000004', x'01a20cc88e8070008000000000000001', 1795510800000000);
INSERT INTO messages (tenant_id, inbox_id, kind, author_kind, author_name, author_email, body_html, truncated, id, ticket_id, body_text, created_at, message_id, dedup_key) VALUES (x'01a20cc88e8070008000000000000001', x'01a20cc88e8070008000000000000003', 1, 1, 'Ada', 'Ada@example.com', '', 0, x'01a20cc88e8070008000000000000015', x'01a20cc88e807000800000000000000b', 'It''s broken; the glass said "pling".', 1795510800000000, '<one@example.com>', x'01010101010101010101010101010101');
INSERT INTO messages (tenant_id, inbox_id, kind, author_kind, author_name, author_email, body_html, truncated, id, ticket_id, body_text, created_at, message_id, in_reply_to, dedup_key) VALUES (x'01a20cc88e8070008000000000000001', x'01a20cc88e8070008000000000000003', 1, 1, 'Ada', 'Ada@example.com', '', 0, x'01a20cc88e8070008000000000000016', x'01a20cc88e807000800000000000000b', 'Any news?', 1795510802000000, '<two@example.com>', '<lost@example.com>', x'02020202020202020202020202020202');
INSERT INTO messages (tenant_id, inbox_id, kind, author_kind, author_name, author_email, body_html, truncated, id, ticket_id, body_text, created_at, message_id, dedup_key) VALUES (x'01a20cc88e8070008000000000000001', x'01a20cc88e8070008000000000000003', 1, 1, 'Ada', 'Ada@example.com', '', 0, x'01a20cc88e8070008000000000000017', x'01a20cc88e807000800000000000000c', 'I wanted the other one.', 1795510801000000, '<three@example.com>', x'03030303030303030303030303030303');
INSERT INTO api_keys (id, tenant_id, name, hash, prefix, created_at, scopes) VALUES (x'01a20cc88e8070008000000000000005', x'01a20cc88e8070008000000000000001', 'first', x'703c9801f347923fef67b2d8201cc1736178fd710e522782fb52c0f6a276a56b', 'ixk_Firs', 1795510800000000, 'tickets:read tickets:write messages:read messages:write tags:read tags:write inboxes:read events:read');
INSERT INTO counts (tenant_id, inbox_id, slot, n, grain, status, priority, assignee_id) VALUES (x'01a20cc88e8070008000000000000001', x'01a20cc88e8070008000000000000003', 0, 1, 1, 1, 0, x'00000000000000000000000000000000');
INSERT INTO counts (tenant_id, inbox_id, slot, n, grain, status, priority, assignee_id) VALUES (x'01a20cc88e8070008000000000000001', x'01a20cc88e8070008000000000000003', 0, 1, 1, 2, 0, x'00000000000000000000000000000000');
INSERT INTO counts (tenant_id, inbox_id, slot, n, grain, status, priority, assignee_id) VALUES (x'01a20cc88e8070008000000000000001', x'01a20cc88e8070008000000000000003', 0, 1, 2, 1, 2, x'00000000000000000000000000000000');
INSERT INTO counts (tenant_id, inbox_id, slot, n, grain, status, priority, assignee_id) VALUES (x'01a20cc88e8070008000000000000001', x'01a20cc88e8070008000000000000003', 0, 1, 2, 2, 3, x'01a20cc88e8070008000000000000002');

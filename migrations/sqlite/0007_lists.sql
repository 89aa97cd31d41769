-- Lists whose cost does not grow with the number of tickets.

-- Status before time: a list in the order of time merges at most four ranges, and has only those that it wants.
DROP INDEX tickets_created;
DROP INDEX tickets_updated;
DROP INDEX tickets_assignee;
CREATE INDEX tickets_created ON tickets (tenant_id, status, created_at, id);
CREATE INDEX tickets_updated ON tickets (tenant_id, status, updated_at, id);
-- By all that `counts` tells apart: what its rows say is there is found without looking at anything else.
CREATE INDEX tickets_cell ON tickets (tenant_id, status, inbox_id, priority, assignee_id, created_at, id);

-- When its ticket was opened: tickets of a tag in the order of lists.
ALTER TABLE ticket_tags ADD COLUMN opened_at INTEGER NOT NULL DEFAULT 0;
UPDATE ticket_tags SET opened_at = COALESCE((SELECT created_at FROM tickets WHERE id = ticket_tags.ticket_id), 0);
DROP INDEX ticket_tags_tag;
CREATE INDEX ticket_tags_tag ON ticket_tags (tag_id, opened_at, ticket_id);

-- Exact numbers of tickets by time, kept as `counts` are (whose grain 3 is by tag, the tag in place of the inbox). kind: 1
-- opened, 2 last changed. level: 1 spans of 2^20 microseconds (a second), 2 of 2^31 (36 minutes), 3 of 2^42 (51 days); `at`
-- is the number of the span since 1970. Seconds are kept where many tickets fall into 36 minutes, see
-- core/src/store/spans.rs.
CREATE TABLE spans (
    tenant_id BLOB NOT NULL,
    kind INTEGER NOT NULL,
    level INTEGER NOT NULL,
    at INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, kind, level, at, slot)
) STRICT, WITHOUT ROWID;

-- The index of subjects. `blocks` of 1024 consecutive numbers each are packed into one text, `segments` of 16 blocks have
-- lists of the tickets that may contain something; what is changed afterwards waits in subject_changes until the index
-- has followed, and so does what has a greater number. `revision` rises with each change to a block
-- without lists.
CREATE TABLE subject_index (
    tenant_id BLOB NOT NULL PRIMARY KEY,
    blocks INTEGER NOT NULL,
    segments INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE subject_blocks (
    tenant_id BLOB NOT NULL,
    block INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (tenant_id, block)
) STRICT;
CREATE TABLE subject_lists (
    tenant_id BLOB NOT NULL,
    segment INTEGER NOT NULL,
    list INTEGER NOT NULL,
    places BLOB NOT NULL,
    PRIMARY KEY (tenant_id, segment, list)
) STRICT, WITHOUT ROWID;
CREATE TABLE subject_changes (
    tenant_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, number)
) STRICT, WITHOUT ROWID;

-- Whether a core keeps all of this, and what the next step adds: one of an earlier release does not.
ALTER TABLE cores ADD COLUMN counts INTEGER NOT NULL DEFAULT 0;
-- What is there is counted once the server runs (core/src/store/relist.rs).
INSERT INTO meta (key, value) SELECT 'relist', 'due' WHERE EXISTS (SELECT 1 FROM tickets);

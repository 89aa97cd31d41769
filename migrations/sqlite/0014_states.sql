-- A number that stands for a state is one that there is, whoever writes it. Codes that a later release adds to, such as kinds
-- of events, are left open.
-- SQLite adds no CHECK to a table but by its text, which leaves the rows as they are; making the table anew would copy them.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(replace(sql, char(10) || '    plan INTEGER NOT NULL,',
    char(10) || '    plan INTEGER NOT NULL CHECK (plan BETWEEN 1 AND 4),'), char(10) || '    webhooks INTEGER NOT NULL,',
    char(10) || '    webhooks INTEGER NOT NULL CHECK (webhooks BETWEEN 1 AND 3),'), char(10) || '    public_api INTEGER NOT NULL,',
    char(10) || '    public_api INTEGER NOT NULL CHECK (public_api BETWEEN 1 AND 3),')
WHERE type = 'table' AND name = 'tenants';
UPDATE sqlite_schema SET sql = replace(sql, char(10) || '    role INTEGER NOT NULL,',
    char(10) || '    role INTEGER NOT NULL CHECK (role BETWEEN 1 AND 2),')
WHERE type = 'table' AND name = 'agents';
UPDATE sqlite_schema SET sql = replace(sql, char(10) || '    channel INTEGER NOT NULL,',
    char(10) || '    channel INTEGER NOT NULL CHECK (channel BETWEEN 1 AND 3),')
WHERE type = 'table' AND name = 'inboxes';
UPDATE sqlite_schema SET sql = replace(replace(replace(sql, char(10) || '    status INTEGER NOT NULL,',
    char(10) || '    status INTEGER NOT NULL CHECK (status BETWEEN 1 AND 4),'), char(10) || '    priority INTEGER NOT NULL,',
    char(10) || '    priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 4),'), char(10) || '    channel INTEGER NOT NULL,',
    char(10) || '    channel INTEGER NOT NULL CHECK (channel BETWEEN 1 AND 3),')
WHERE type = 'table' AND name = 'tickets';
UPDATE sqlite_schema SET sql = replace(replace(sql, char(10) || '    kind INTEGER NOT NULL,',
    char(10) || '    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3),'), char(10) || '    author_kind INTEGER NOT NULL,',
    char(10) || '    author_kind INTEGER NOT NULL CHECK (author_kind BETWEEN 1 AND 4),')
WHERE type = 'table' AND name = 'messages';
UPDATE sqlite_schema SET sql = replace(sql, char(10) || '    last_state INTEGER,',
    char(10) || '    last_state INTEGER CHECK (last_state BETWEEN 0 AND 4),')
WHERE type = 'table' AND name = 'endpoint_health';
UPDATE sqlite_schema SET sql = replace(sql, char(10) || '    state INTEGER NOT NULL,',
    char(10) || '    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),')
WHERE type = 'table' AND name = 'deliveries';
UPDATE sqlite_schema SET sql = replace(sql, char(10) || '    actor_kind INTEGER NOT NULL,',
    char(10) || '    actor_kind INTEGER NOT NULL CHECK (actor_kind BETWEEN 1 AND 6),')
WHERE type = 'table' AND name = 'audit_log';
UPDATE sqlite_schema SET sql = replace(sql, ' kind INTEGER NOT NULL DEFAULT 1',
    ' kind INTEGER NOT NULL DEFAULT 1 CHECK (kind BETWEEN 1 AND 2)')
WHERE type = 'table' AND name = 'recoveries';
PRAGMA writable_schema = RESET;

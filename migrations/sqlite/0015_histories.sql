-- The histories of this database's contents, oldest first; the last one goes on. Cursors name the history that they were
-- made in, and how far it had come. A copy or a restored backup shares the past with its original and nothing after:
-- when the database is opened and `origin`, which identifies the place that it lies in, is another than before, a new
-- history begins. `began_after` is the number of the newest event at that moment: up to there the history before it
-- belongs to this one as well.
CREATE TABLE histories (
    ordinal INTEGER NOT NULL PRIMARY KEY,
    id BLOB NOT NULL,
    origin TEXT NOT NULL,
    began_after INTEGER NOT NULL,
    began_at INTEGER NOT NULL
) STRICT;

-- The messages of all tickets in the order of their recording, without notes (kind 3).
CREATE INDEX messages_created ON messages (tenant_id, created_at, id) WHERE kind <> 3;

-- Inbox that a ticket left by this change: who follows that inbox alone is told.
ALTER TABLE events ADD COLUMN left_inbox_id UUID;
-- Notes of a ticket are counted when one is added; 3 is the code of internal notes.
CREATE INDEX messages_notes ON messages (ticket_id) WHERE kind = 3;

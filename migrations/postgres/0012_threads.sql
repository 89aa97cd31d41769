-- When a mail was sent, by its own word.
ALTER TABLE messages ADD COLUMN sent_at BIGINT;
-- Mails that others name and that were not recorded in the inbox: what names the same one belongs to the same ticket, and
-- so does the mail itself when it comes.
CREATE TABLE referred_mails (
    tenant_id UUID NOT NULL,
    inbox_id UUID NOT NULL,
    message_id TEXT NOT NULL,
    ticket_id UUID NOT NULL,
    PRIMARY KEY (tenant_id, inbox_id, message_id)
);
INSERT INTO referred_mails (tenant_id, inbox_id, message_id, ticket_id)
SELECT m.tenant_id, m.inbox_id, m.in_reply_to, m.ticket_id FROM messages m
WHERE m.in_reply_to IS NOT NULL AND m.inbox_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM messages o
    WHERE o.tenant_id = m.tenant_id AND o.message_id = m.in_reply_to AND o.inbox_id = m.inbox_id
)
ORDER BY m.created_at, m.id
ON CONFLICT DO NOTHING;

-- A number that stands for a state is one that there is, whoever writes it. Codes that a later release adds to, such as kinds
-- of events, are left open.
-- What is in the table already is not read again: that would lock it for as long.
ALTER TABLE tenants ADD CONSTRAINT tenants_plan CHECK (plan BETWEEN 1 AND 4) NOT VALID;
ALTER TABLE tenants ADD CONSTRAINT tenants_webhooks CHECK (webhooks BETWEEN 1 AND 3) NOT VALID;
ALTER TABLE tenants ADD CONSTRAINT tenants_public_api CHECK (public_api BETWEEN 1 AND 3) NOT VALID;
ALTER TABLE agents ADD CONSTRAINT agents_role CHECK (role BETWEEN 1 AND 2) NOT VALID;
ALTER TABLE inboxes ADD CONSTRAINT inboxes_channel CHECK (channel BETWEEN 1 AND 3) NOT VALID;
ALTER TABLE tickets ADD CONSTRAINT tickets_status CHECK (status BETWEEN 1 AND 4) NOT VALID;
ALTER TABLE tickets ADD CONSTRAINT tickets_priority CHECK (priority BETWEEN 1 AND 4) NOT VALID;
ALTER TABLE tickets ADD CONSTRAINT tickets_channel CHECK (channel BETWEEN 1 AND 3) NOT VALID;
ALTER TABLE messages ADD CONSTRAINT messages_kind CHECK (kind BETWEEN 1 AND 3) NOT VALID;
ALTER TABLE messages ADD CONSTRAINT messages_author_kind CHECK (author_kind BETWEEN 1 AND 4) NOT VALID;
ALTER TABLE endpoint_health ADD CONSTRAINT endpoint_health_last_state CHECK (last_state BETWEEN 0 AND 4) NOT VALID;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_state CHECK (state BETWEEN 0 AND 4) NOT VALID;
ALTER TABLE audit_log ADD CONSTRAINT audit_log_actor_kind CHECK (actor_kind BETWEEN 1 AND 6) NOT VALID;
ALTER TABLE recoveries ADD CONSTRAINT recoveries_kind CHECK (kind BETWEEN 1 AND 2) NOT VALID;

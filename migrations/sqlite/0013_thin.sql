-- Whether an endpoint gets the thin form of events, and in which form a delivery is sent: that of the moment at which it was
-- made, or sent again by hand.
ALTER TABLE endpoints ADD COLUMN thin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN thin INTEGER NOT NULL DEFAULT 0;

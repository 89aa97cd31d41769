-- With after_seq the place of the last event that a job has seen: always 0, since the number alone is the order.
ALTER TABLE recoveries ADD COLUMN after_xact INTEGER NOT NULL DEFAULT 0;

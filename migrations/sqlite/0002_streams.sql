-- What each commit changed of deliveries and for which tenants it has events, for those who follow: tenant, number of
-- deliveries, their ids, repeated. Rows are kept for minutes. AUTOINCREMENT: a number never comes back.
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Who signs in with an address names no tenant.
CREATE INDEX agents_address ON agents (email_folded);

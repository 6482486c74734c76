INSERT INTO rejected (source, file, locator, reason, detail, op) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (source, file, locator, reason) DO NOTHING

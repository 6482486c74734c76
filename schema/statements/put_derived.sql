INSERT INTO derived (name, watermark, version, data) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (name) DO UPDATE SET watermark = excluded.watermark, version = excluded.version, data = excluded.data

INSERT INTO fact (revision, analyser, record, codec) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (revision) DO UPDATE SET analyser = excluded.analyser, record = excluded.record, codec = excluded.codec

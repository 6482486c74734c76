SELECT r.instruction, r.code, r.codec, r.kind, r.cleaners, r.content, f.record, f.codec
FROM revision AS r LEFT JOIN fact AS f ON f.revision = r.revision WHERE r.revision = ?1

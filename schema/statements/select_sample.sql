SELECT s.row, s.id, src.name, s.key, s.locator, s.state, s.reason, r.instruction, r.code, r.codec, r.kind, r.cleaners,
    coalesce(s.licence, src.licence), src.rank, s.level, s.split, s.split_given, s.tags, s.description_kind, s.meta,
    s.family, r.content, s.added, f.record, f.codec, s.held, g.stop, g.prompt_of, g.side
FROM sample AS s
JOIN source AS src ON src.source = s.source
JOIN revision AS r ON r.revision = s.revision
LEFT JOIN fact AS f ON f.revision = s.revision
LEFT JOIN generation AS g ON g.revision = s.read_revision
WHERE s.row = ?1

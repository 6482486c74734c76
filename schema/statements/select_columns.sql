SELECT s.row, s.present, s.state, s.split, r.kind = 'edited', src.name, src.rank, coalesce(s.licence, src.licence), s.reason, s.tags,
    s.held
FROM sample AS s JOIN source AS src ON src.source = s.source JOIN revision AS r ON r.revision = s.revision
WHERE s.row = ?1

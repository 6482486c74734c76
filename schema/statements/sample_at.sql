-- A sample as it was after an op: what the first later op that changed it found, else what it is. No row where it came later.
SELECT s.id, src.name, s.source, s.key, s.added, s.state, coalesce(
    (SELECT h.before FROM history AS h WHERE h.row = s.row AND h.op > ?2 ORDER BY h.op LIMIT 1),
    json_object('present', s.present, 'state', s.state, 'reason', s.reason, 'locator', s.locator, 'revision', s.revision,
        'read_revision', s.read_revision,
        'licence', s.licence, 'level', s.level, 'split', s.split, 'split_given', s.split_given,
        'description_kind', s.description_kind, 'family', s.family, 'meta', s.meta, 'tags', s.tags,
        'held', s.held))
FROM sample AS s JOIN source AS src ON src.source = s.source
WHERE s.row = ?1 AND s.added_op <= ?2

-- Sets every column that the pending JSON names; what it does not name stays.
UPDATE sample SET
    present          = coalesce(p.after ->> 'present', present),
    state            = coalesce(p.after ->> 'state', state),
    reason           = CASE WHEN json_type(p.after, '$.reason') IS NULL THEN reason ELSE p.after ->> 'reason' END,
    locator          = coalesce(p.after ->> 'locator', locator),
    revision         = coalesce(p.after ->> 'revision', revision),
    read_revision    = coalesce(p.after ->> 'read_revision', read_revision),
    read_hash        = coalesce(unhex(p.after ->> 'read_hash'), read_hash),
    licence          = CASE WHEN json_type(p.after, '$.licence') IS NULL THEN licence ELSE p.after ->> 'licence' END,
    level            = CASE WHEN json_type(p.after, '$.level') IS NULL THEN level ELSE p.after ->> 'level' END,
    split            = CASE WHEN json_type(p.after, '$.split') IS NULL THEN split ELSE p.after ->> 'split' END,
    split_given      = CASE WHEN json_type(p.after, '$.split_given') IS NULL THEN split_given ELSE p.after ->> 'split_given' END,
    description_kind = coalesce(p.after ->> 'description_kind', description_kind),
    family           = CASE WHEN json_type(p.after, '$.family') IS NULL THEN family ELSE p.after ->> 'family' END,
    meta             = coalesce(p.after ->> 'meta', meta),
    dialect          = CASE WHEN json_type(p.after, '$.dialect') IS NULL THEN dialect ELSE p.after ->> 'dialect' END,
    issues           = coalesce(p.after ->> 'issues', issues),
    tags             = coalesce(p.after ->> 'tags', tags)
FROM pending AS p WHERE p.row = sample.row;

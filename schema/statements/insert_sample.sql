INSERT INTO sample (row, id, source, key, present, state, reason, locator, revision, read_revision, read_hash, licence,
    level, split, split_given, description_kind, family, meta, dialect, issues, tags, added_op, added)
VALUES (?1, ?2, ?3, ?4, 1, ?19, NULL, ?5, ?6, ?7, ?8, ?9, ?10, NULL, ?11, ?12, ?13, ?14, ?15, ?16, '[]', ?17, ?18)

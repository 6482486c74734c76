UPDATE source SET
    title = p.after ->> 'title', licence = p.after ->> 'licence', url = p.after ->> 'url', citation = p.after ->> 'citation',
    rank = p.after ->> 'rank', dialect = p.after ->> 'dialect', dedup = p.after ->> 'dedup', levels = p.after ->> 'levels',
    recipe = p.after ->> 'recipe'
FROM source_pending AS p WHERE p.source = source.source

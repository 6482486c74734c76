-- The sources of closed ops, or the one that is named. A source has no op of its own: it is of the open one where that is
-- an ingest of it and no other ingest of it ever closed; where models write into it, of `generate` likewise.
SELECT name, title, licence, url, citation, rank, dialect, dedup, levels, recipe
FROM source AS s
WHERE (?1 IS NULL OR name = ?1)
  AND (NOT EXISTS (SELECT 1 FROM op WHERE ended IS NULL AND verb IN ('ingest', 'generate') AND arguments ->> '$.source' = s.name)
       OR EXISTS (SELECT 1 FROM op WHERE ended IS NOT NULL AND verb IN ('ingest', 'generate') AND arguments ->> '$.source' = s.name))
ORDER BY name

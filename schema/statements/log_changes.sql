INSERT INTO change (op, row, action)
SELECT ?1, row, 'put' FROM sample WHERE added_op = ?1 AND present = 1
UNION
SELECT ?1, s.row, CASE
    WHEN s.present = 0 THEN 'delete'
    -- These are in the columns or only here; whatever else changes is in the document. An empty object means new facts.
    WHEN p.after <> '{}' AND NOT EXISTS (
        SELECT 1 FROM json_each(p.after) WHERE key NOT IN ('locator', 'state', 'reason', 'split', 'tags',
            'dup_of', 'dup_similarity', 'dup_method', 'dup_clause', 'exempt', 'held', 'side_revision', 'family_of')) THEN 'state'
    ELSE 'put' END
FROM pending AS p JOIN sample AS s ON s.row = p.row
WHERE s.added_op <> ?1 OR s.present = 0

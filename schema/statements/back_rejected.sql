-- A rejected row that had gone and is met again: what it was, for undo.
INSERT OR IGNORE INTO rejected_history (rejected, op, gone_before)
SELECT rejected, ?5, gone_op FROM rejected
WHERE source = ?1 AND file = ?2 AND locator = ?3 AND reason = ?4 AND gone_op IS NOT NULL

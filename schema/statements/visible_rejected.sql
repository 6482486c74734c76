-- Rejected rows that are there, of closed ops; what the open op changed counts as it was.
SELECT r.source, r.rejected, r.file, r.locator, r.reason, r.detail FROM rejected AS r
LEFT JOIN rejected_history AS h ON h.rejected = r.rejected AND h.op = (SELECT op FROM op WHERE ended IS NULL)
WHERE CASE WHEN h.op IS NULL THEN r.gone_op IS NULL AND r.op NOT IN (SELECT op FROM op WHERE ended IS NULL)
    ELSE h.gone_before IS NULL END

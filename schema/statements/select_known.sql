SELECT row, present, state, reason, read_hash, added_op, locator FROM sample WHERE id = ?1

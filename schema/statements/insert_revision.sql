INSERT INTO revision (row, kind, op, instruction, code, codec, content, cleaners) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)

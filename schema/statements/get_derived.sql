SELECT watermark, data FROM derived WHERE name = ?1 AND version = ?2

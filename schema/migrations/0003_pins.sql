-- Why: a pin freezes what a saved query selected, so that the same rows can be exported again whatever happened since.
-- What the rows were then is told by history; the pin holds which they were, in which order, and what was asked.

CREATE TABLE pin (
    pin      INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,                             -- of the saved query
    number   INTEGER NOT NULL CHECK (number > 0),       -- 1, 2, 3 ... of this name; never given twice
    op       INTEGER NOT NULL REFERENCES op (op),       -- the op that made it; the pin is gone while that is undone
    moment   INTEGER NOT NULL REFERENCES op (op),       -- the op after which its rows are as it has them
    query    TEXT NOT NULL,                             -- as it was asked: @NAME or @NAME(ARGUMENTS)
    queries  TEXT NOT NULL CHECK (json_valid(queries)), -- texts of the saved queries it uses, a JSON object by name
    analyser TEXT NOT NULL,                             -- versions of the analysers whose facts it was asked of
    members  BLOB NOT NULL,                             -- sample.row of each, in order: u32, little endian
    content  BLOB NOT NULL CHECK (length(content) = 32), -- SHA-256 over id, source, licence, instruction, code of each
    UNIQUE (name, number)
) STRICT;

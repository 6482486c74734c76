-- Why: what a source's recipe says (licence, rank, levels) applies to all of its rows, so a reading that changes it must
-- wait for its op to close, and an undo must bring back what stood before. The same for rejected rows.

-- What the open op will make of sources that were there before it; applied when it closes.
CREATE TABLE source_pending (
    source INTEGER PRIMARY KEY REFERENCES source (source) ON DELETE CASCADE,
    after  TEXT NOT NULL CHECK (json_valid(after))      -- the source's columns, a JSON object
) STRICT;

-- What a source was before an op changed it.
CREATE TABLE source_history (
    source INTEGER NOT NULL REFERENCES source (source) ON DELETE CASCADE,
    op     INTEGER NOT NULL REFERENCES op (op),
    before TEXT NOT NULL CHECK (json_valid(before)),
    PRIMARY KEY (source, op)
) STRICT, WITHOUT ROWID;

-- Whether a rejected row was there before an op met it again, or read its file without it.
CREATE TABLE rejected_history (
    rejected    INTEGER NOT NULL REFERENCES rejected (rejected) ON DELETE CASCADE,
    op          INTEGER NOT NULL REFERENCES op (op),
    gone_before INTEGER REFERENCES op (op),             -- rejected.gone_op as it was
    PRIMARY KEY (rejected, op)
) STRICT, WITHOUT ROWID;

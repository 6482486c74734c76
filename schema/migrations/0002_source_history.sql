-- Why: what a source's recipe says (licence, rank, levels) applies to all of its rows, so a reading that changes it must
-- wait for its op to close, and an undo must bring back what stood before.

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

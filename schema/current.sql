-- Why: the first form of the store. SQLite is the truth; the query index and the columns are derived from it by the
-- change log at the end of this file. Times are UTC, RFC 3339. Words are those of src/sample.rs.

-- Every operation that changed the store; the unit of undo and of time travel.
CREATE TABLE op (
    op        INTEGER PRIMARY KEY,                      -- 1, 2, 3 ... in order of beginning
    verb      TEXT NOT NULL,                            -- subcommand: ingest, tag, undo ...
    arguments TEXT NOT NULL CHECK (json_valid(arguments)), -- what makes it the same command again
    started   TEXT NOT NULL,
    ended     TEXT,                                     -- NULL while the op is open: queries do not see what it wrote
    undoes    INTEGER REFERENCES op (op),               -- the op that this one took back
    summary   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(summary)), -- counts as the command printed them
    tool      TEXT NOT NULL                             -- version of scenery that wrote it
) STRICT;

-- At most one op is open.
CREATE UNIQUE INDEX op_open ON op (ended IS NULL) WHERE ended IS NULL;

CREATE TABLE source (
    source   INTEGER PRIMARY KEY,                       -- dense number from 0
    name     TEXT NOT NULL UNIQUE,
    title    TEXT NOT NULL,
    licence  TEXT NOT NULL,                             -- SPDX expression or none-stated
    url      TEXT NOT NULL,
    citation TEXT NOT NULL,
    rank     INTEGER NOT NULL CHECK (rank BETWEEN 1 AND 5), -- higher wins among duplicates
    dialect  TEXT,                                      -- ce, gl, mixed, or unknown
    dedup    TEXT NOT NULL CHECK (dedup IN ('near', 'exact', 'off')), -- within the source
    levels   TEXT NOT NULL CHECK (json_valid(levels)),  -- its level words from low to high
    recipe   TEXT NOT NULL                              -- the recipe as TOML, as of the last ingest
) STRICT;

-- A set of analyser versions; facts made by another set than the current one are stale.
CREATE TABLE analyser (
    analyser INTEGER PRIMARY KEY,
    version  TEXT NOT NULL UNIQUE
) STRICT;

-- A sample's live values. Contents are in revision, older values in history.
CREATE TABLE sample (
    row              INTEGER PRIMARY KEY,               -- dense number from 0: given once, never reused, never shown
    id               BLOB NOT NULL UNIQUE CHECK (length(id) = 16), -- hash of (source, key)
    source           INTEGER NOT NULL REFERENCES source (source),
    key              TEXT NOT NULL,
    present          INTEGER NOT NULL CHECK (present IN (0, 1)), -- 0: its ingest was undone
    state            TEXT NOT NULL CHECK (state IN ('kept', 'duplicate', 'rejected', 'forgotten', 'generated')),
    reason           TEXT,                              -- of a rejected sample
    locator          TEXT NOT NULL,                     -- where it was last seen
    revision         INTEGER NOT NULL REFERENCES revision (revision) DEFERRABLE INITIALLY DEFERRED, -- the current one
    read_revision    INTEGER NOT NULL REFERENCES revision (revision) DEFERRABLE INITIALLY DEFERRED, -- the last of kind read
    read_hash        BLOB NOT NULL CHECK (length(read_hash) = 16), -- of everything the source gave; equal = unchanged
    licence          TEXT,                              -- of this row, where it is not the source's
    level            TEXT,                              -- as the source gives it, lower case
    split            TEXT CHECK (split IN ('train', 'validation', 'test')),
    split_given      TEXT CHECK (split_given IN ('train', 'validation', 'test')),
    description_kind TEXT NOT NULL CHECK (description_kind IN ('reviewed', 'human', 'llm', 'template', 'none')),
    family           TEXT,                              -- values of the recipe's family columns, joined by U+001F
    meta             TEXT NOT NULL CHECK (json_valid(meta)), -- the source's own columns, a JSON object
    dialect          TEXT CHECK (dialect IN ('ce', 'gl', 'mixed', 'none')), -- as the reader found it outside the code
    issues           TEXT NOT NULL CHECK (json_valid(issues)), -- the reader's findings, a JSON array of words
    tags             TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags)), -- sorted JSON array of words
    added_op         INTEGER NOT NULL REFERENCES op (op),
    added            TEXT NOT NULL,                     -- when it was first read
    dup_of           INTEGER,                           -- of a duplicate: sample.row of the survivor that stands for it
    dup_similarity   REAL,                              -- Jaccard similarity to the survivor, above 0, at most 1
    dup_method       TEXT CHECK (dup_method IN ('exact', 'near', 'renamed')),
    dup_clause       TEXT,                              -- clause of the keep policy by which the survivor went before it
    exempt           INTEGER NOT NULL DEFAULT 0 CHECK (exempt IN (0, 1)), -- 1: restored by a person, never a duplicate again
    held             INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)), -- 1: ties two sides of the split, has none
    side_revision    INTEGER,                           -- sample.revision when its side was recorded
    family_of        INTEGER                            -- sample.row of the first of its family, by id; NULL: itself, or not known
) STRICT;

CREATE INDEX sample_dup_of ON sample (dup_of) WHERE dup_of IS NOT NULL;
CREATE INDEX sample_family_of ON sample (family_of) WHERE family_of IS NOT NULL;

CREATE TABLE revision (
    revision    INTEGER PRIMARY KEY,
    row         INTEGER NOT NULL,                       -- sample.row
    kind        TEXT NOT NULL CHECK (kind IN ('read', 'fixed', 'edited')),
    op          INTEGER NOT NULL REFERENCES op (op),
    instruction TEXT,
    code        BLOB NOT NULL,                          -- compressed as codec says
    codec       INTEGER NOT NULL,                       -- see src/store/codec.rs
    content     BLOB NOT NULL CHECK (length(content) = 16), -- content hash of the code
    cleaners    TEXT NOT NULL CHECK (json_valid(cleaners)) -- names in order of application, a JSON array
) STRICT;

CREATE INDEX revision_row ON revision (row);

-- One record of facts per revision, of the analyser set that made it.
CREATE TABLE fact (
    revision INTEGER PRIMARY KEY REFERENCES revision (revision) ON DELETE CASCADE,
    analyser INTEGER NOT NULL REFERENCES analyser (analyser),
    record   BLOB NOT NULL,                             -- JSON object of feature values, compressed as codec says
    codec    INTEGER NOT NULL
) STRICT;

-- Rows that became no sample.
CREATE TABLE rejected (
    rejected INTEGER PRIMARY KEY,
    source   INTEGER NOT NULL REFERENCES source (source),
    file     TEXT NOT NULL,
    locator  TEXT NOT NULL,
    reason   TEXT NOT NULL,
    detail   TEXT NOT NULL,
    op       INTEGER NOT NULL REFERENCES op (op),       -- the op that first met it
    gone_op  INTEGER REFERENCES op (op),                -- the op that read the file without it
    UNIQUE (source, file, locator, reason)
) STRICT;

-- What a sample was before an op changed it: JSON of the live columns that may change. Rows that the op added are
-- known by sample.added_op and stand here only when they had been there before (undone, then read again).
CREATE TABLE history (
    row    INTEGER NOT NULL,
    op     INTEGER NOT NULL REFERENCES op (op),
    before TEXT NOT NULL CHECK (json_valid(before)),
    PRIMARY KEY (row, op)
) STRICT, WITHOUT ROWID;

-- What the open op will make of samples that were there before it; applied when it closes.
CREATE TABLE pending (
    row   INTEGER PRIMARY KEY,
    after TEXT NOT NULL CHECK (json_valid(after))
) STRICT;

-- What derived things must follow, in order. Entries that all of them have followed are cleared.
CREATE TABLE change (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    op     INTEGER NOT NULL REFERENCES op (op),
    row    INTEGER NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('put', 'delete', 'state')) -- state: only columns changed, the document stays
) STRICT;

-- Derived things that are kept in this file, each with its own watermark (a change.seq that it has followed).
CREATE TABLE derived (
    name      TEXT PRIMARY KEY,
    watermark INTEGER NOT NULL,
    version   INTEGER NOT NULL,
    data      BLOB NOT NULL
) STRICT, WITHOUT ROWID;

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

-- Slices that were frozen: which rows a saved query selected, in which order, and what was asked. What the rows were
-- then is told by history.
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

-- What a text is compared by. Derived: equal revisions have equal signatures.
CREATE TABLE signature (
    kind     TEXT NOT NULL CHECK (kind IN ('code', 'renamed', 'prompt')), -- what of the revision was cut into shingles
    revision INTEGER NOT NULL REFERENCES revision (revision) ON DELETE CASCADE,
    size     INTEGER NOT NULL,                            -- shingles; 0: none, and nothing else is known
    digest   INTEGER NOT NULL,                            -- of the shingles: equal sets have equal digests
    data     BLOB NOT NULL,                               -- 128 bytes, see src/similarity/minhash.rs; empty where there are no shingles
    PRIMARY KEY (kind, revision)
) STRICT, WITHOUT ROWID;

CREATE INDEX signature_revision ON signature (revision);

-- Pairs of sets of shingles (by digest, the smaller first) that were checked and are near-duplicates. Derived.
CREATE TABLE near (
    kind       TEXT NOT NULL CHECK (kind IN ('code', 'renamed', 'prompt')),
    first      INTEGER NOT NULL,
    second     INTEGER NOT NULL,
    similarity REAL NOT NULL,                             -- Jaccard
    PRIMARY KEY (kind, first, second)
) STRICT, WITHOUT ROWID;

-- What was found of samples in other data.
CREATE TABLE verdict (
    op        INTEGER NOT NULL REFERENCES op (op),        -- the op that found it; it is gone while that is undone
    row       INTEGER NOT NULL,                           -- sample.row
    reference TEXT NOT NULL,                              -- the data: a file, or a source
    place     TEXT NOT NULL,                              -- where in it
    method    TEXT NOT NULL CHECK (method IN ('exact', 'near', 'renamed', 'prompt')),
    score     REAL NOT NULL,                              -- similarity, above 0, at most 1
    span      TEXT NOT NULL,                              -- lines of the sample's text that stand in the reference too
    PRIMARY KEY (op, row, reference, place, method)
) STRICT, WITHOUT ROWID;

CREATE INDEX verdict_row ON verdict (row);

CREATE TABLE run (
    run         INTEGER PRIMARY KEY,
    name        TEXT NOT NULL CHECK (name <> ''),         -- unique among the runs whose beginning is not undone
    op          INTEGER NOT NULL REFERENCES op (op),      -- the op that began it
    base        TEXT NOT NULL,                            -- folder of the base model, as typed
    base_config TEXT NOT NULL,                            -- SHA-256 of its config.json, in hexadecimal digits
    contract    TEXT NOT NULL,                            -- digest of the prompt contract, in hexadecimal digits
    prompt      TEXT NOT NULL CHECK (json_valid(prompt)), -- the prompt contract itself
    data        TEXT NOT NULL,                            -- folder of the exported data, relative to the project
    manifest    TEXT NOT NULL,                            -- SHA-256 of its manifest, in hexadecimal digits
    query       TEXT NOT NULL,                            -- what selected the data, as typed
    samples     INTEGER NOT NULL CHECK (samples >= 0),    -- samples that are trained on
    licence     TEXT NOT NULL,                            -- SPDX expression of them together, or none-stated
    options     TEXT NOT NULL CHECK (json_valid(options)), -- all that the run was asked for
    tool        TEXT NOT NULL,                            -- version of scenery
    device      TEXT NOT NULL,                            -- what it runs on: cpu, cuda:0
    folder      TEXT NOT NULL                             -- what it writes into, relative to the project
) STRICT;

CREATE INDEX run_name ON run (name);

-- What became of a run, in order of ops.
CREATE TABLE run_part (
    op        INTEGER PRIMARY KEY REFERENCES op (op),
    run       INTEGER NOT NULL REFERENCES run (run) ON DELETE CASCADE,
    state     TEXT NOT NULL CHECK (state IN ('running', 'done', 'interrupted', 'failed')),
    at        TEXT NOT NULL,                              -- when
    from_step INTEGER CHECK (from_step >= 0),             -- of a beginning: steps that were done; earlier parts count up to it
    outcome   TEXT NOT NULL CHECK (json_valid(outcome)),  -- of an end: losses, steps, tokens
    adapter   TEXT,                                       -- of an end: SHA-256 of the weights, in hexadecimal digits
    CHECK ((state = 'running') = (from_step IS NOT NULL))
) STRICT;

CREATE INDEX run_part_run ON run_part (run);

-- The steps of a run, as the part made them that began with the op.
CREATE TABLE run_step (
    run       INTEGER NOT NULL REFERENCES run (run) ON DELETE CASCADE,
    op        INTEGER NOT NULL REFERENCES run_part (op) ON DELETE CASCADE,
    step      INTEGER NOT NULL CHECK (step > 0),          -- of the optimiser, from 1
    epoch     REAL NOT NULL,                              -- passes over the data, as far as they came
    loss      REAL,                                       -- nats per trained token; NULL: not a number
    rate      REAL NOT NULL,                              -- learning rate
    trained   INTEGER NOT NULL CHECK (trained >= 0),      -- tokens that the loss is of
    real      INTEGER NOT NULL CHECK (real >= 0),         -- tokens that are no padding
    padding   INTEGER NOT NULL CHECK (padding >= 0),      -- tokens that are
    grad_norm REAL,                                       -- of all gradients, before clipping; NULL: not a number
    seconds   REAL,                                       -- since the part began; NULL: no clock was read
    memory    INTEGER,                                    -- bytes of the device at most so far; NULL: not known
    PRIMARY KEY (run, op, step)
) STRICT, WITHOUT ROWID;

-- What was measured after a step of a run.
CREATE TABLE run_eval (
    run    INTEGER NOT NULL REFERENCES run (run) ON DELETE CASCADE,
    op     INTEGER NOT NULL REFERENCES run_part (op) ON DELETE CASCADE,
    step   INTEGER NOT NULL CHECK (step >= 0),            -- 0: before the first
    metric TEXT NOT NULL CHECK (metric <> ''),            -- loss, accuracy, loss_slot, ...
    among  TEXT NOT NULL,                                 -- of which samples: empty for all, else level:WORD, source:NAME
    value  REAL,                                          -- in the metric's own unit; NULL: not a number
    tokens INTEGER NOT NULL CHECK (tokens >= 0),          -- that it was measured over
    PRIMARY KEY (run, op, step, metric, among)
) STRICT, WITHOUT ROWID;

-- How a model wrote a revision: what it takes to write it again, and what it was beside its text.
CREATE TABLE generation (
    revision      INTEGER PRIMARY KEY REFERENCES revision (revision) ON DELETE CASCADE,
    run           INTEGER REFERENCES run (run),           -- the run that trained the model; NULL: none of this store
    model         TEXT NOT NULL CHECK (json_valid(model)), -- path as typed and digests of what was loaded
    contract      TEXT NOT NULL,                          -- digest of the prompt contract, in hexadecimal digits
    parameters    TEXT NOT NULL CHECK (json_valid(parameters)), -- of decoding: temperature, beams, ...
    seed          INTEGER NOT NULL,                       -- u64, its bits read as a signed number
    number        INTEGER NOT NULL CHECK (number >= 0),   -- which of several answers to one prompt, from 0
    fields        TEXT NOT NULL CHECK (json_valid(fields)), -- of the prompt, a JSON object of texts
    tokens        BLOB NOT NULL CHECK (length(tokens) % 4 = 0), -- ids that were written: u32, little endian
    prompt_tokens INTEGER NOT NULL CHECK (prompt_tokens >= 0), -- tokens of the prompt
    stop          TEXT NOT NULL CHECK (stop <> ''),       -- why it ended: stop-id, max-tokens, ...
    prompt_of     INTEGER,                                -- sample.row of the sample whose prompt it was; NULL: typed
    side          TEXT CHECK (side IN ('train', 'validation', 'test', 'held')) -- of that sample then; NULL: none
) STRICT;

CREATE INDEX generation_prompt_of ON generation (prompt_of) WHERE prompt_of IS NOT NULL;
CREATE INDEX generation_run ON generation (run) WHERE run IS NOT NULL;

-- Why: training runs are recorded with the steps they took, and what a model writes comes back as samples that know how
-- they were written. A run is told by ops: one when it begins, one when it goes on, one when it ends; each is short, so
-- that a long run keeps nobody from writing. What an op said of a run is gone while that op is undone.

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

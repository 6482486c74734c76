-- Why: duplicates are states with a survivor and a reason, people exempt samples from them, sides are recorded once, and
-- what was matched against other data is kept as a verdict. Signatures and near pairs are derived from revisions: they
-- may be deleted, and are made anew where they are asked for.

ALTER TABLE sample ADD COLUMN dup_of INTEGER;             -- of a duplicate: sample.row of the survivor that stands for it
ALTER TABLE sample ADD COLUMN dup_similarity REAL;        -- Jaccard similarity to the survivor, above 0, at most 1
ALTER TABLE sample ADD COLUMN dup_method TEXT CHECK (dup_method IN ('exact', 'near', 'renamed'));
ALTER TABLE sample ADD COLUMN dup_clause TEXT;            -- clause of the keep policy by which the survivor went before it
ALTER TABLE sample ADD COLUMN exempt INTEGER NOT NULL DEFAULT 0 CHECK (exempt IN (0, 1)); -- 1: restored by a person, never a duplicate again
ALTER TABLE sample ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));     -- 1: ties two sides of the split, has none
ALTER TABLE sample ADD COLUMN side_revision INTEGER;      -- sample.revision when its side was recorded
ALTER TABLE sample ADD COLUMN family_of INTEGER;          -- sample.row of the first of its family, by id; NULL: itself, or not known

CREATE INDEX sample_dup_of ON sample (dup_of) WHERE dup_of IS NOT NULL;
CREATE INDEX sample_family_of ON sample (family_of) WHERE family_of IS NOT NULL;

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

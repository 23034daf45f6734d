-- Proofs of skills, by name, because those in files are proven too: what each run of a skill's examples gave. Rows stay as they are.
CREATE TABLE skill_cassettes (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    stamp TEXT NOT NULL,
    tapes TEXT NOT NULL,
    made INTEGER NOT NULL
) STRICT;
CREATE INDEX skill_cassettes_of ON skill_cassettes (name, id);
CREATE TRIGGER skill_cassettes_stay BEFORE UPDATE ON skill_cassettes
BEGIN
    SELECT RAISE(ABORT, 'a recording is never changed');
END;
CREATE TRIGGER skill_cassettes_remain BEFORE DELETE ON skill_cassettes
BEGIN
    SELECT RAISE(ABORT, 'a recording is never taken away');
END;
CREATE TABLE skill_proofs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    stamp TEXT NOT NULL,
    cassette INTEGER REFERENCES skill_cassettes (id),
    passed INTEGER NOT NULL,
    reason TEXT NOT NULL,
    used TEXT NOT NULL,
    made INTEGER NOT NULL
) STRICT;
CREATE INDEX skill_proofs_of ON skill_proofs (name, id);
CREATE TRIGGER skill_proofs_stay BEFORE UPDATE ON skill_proofs
BEGIN
    SELECT RAISE(ABORT, 'a proof is never changed');
END;
CREATE TRIGGER skill_proofs_remain BEFORE DELETE ON skill_proofs
BEGIN
    SELECT RAISE(ABORT, 'a proof is never taken away');
END;

-- The version of each package when a proof last looked.
CREATE TABLE packages_seen (
    name TEXT PRIMARY KEY,
    version TEXT NOT NULL
) STRICT, WITHOUT ROWID;

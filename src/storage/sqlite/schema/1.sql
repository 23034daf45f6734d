-- Skills: a name, and its versions, which are never changed. A deletion is a version without source.
CREATE TABLE skills (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    head INTEGER NOT NULL,
    live INTEGER NOT NULL
) STRICT;
CREATE INDEX skills_live ON skills (live, name);
CREATE TABLE skill_versions (
    skill INTEGER NOT NULL REFERENCES skills (id),
    version INTEGER NOT NULL,
    parent INTEGER,
    kind TEXT NOT NULL CHECK (kind IN ('saved', 'deleted')),
    source TEXT NOT NULL,
    description TEXT NOT NULL,
    shape TEXT NOT NULL,
    examples TEXT NOT NULL,
    tags TEXT NOT NULL,
    hash TEXT NOT NULL,
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    made INTEGER NOT NULL,
    PRIMARY KEY (skill, version)
) STRICT;
CREATE TRIGGER skill_versions_stay BEFORE UPDATE ON skill_versions
BEGIN
    SELECT RAISE(ABORT, 'a version is never changed');
END;
CREATE TRIGGER skill_versions_remain BEFORE DELETE ON skill_versions
BEGIN
    SELECT RAISE(ABORT, 'a version is never taken away');
END;

-- How skills fared, by name, because those in files are counted too.
CREATE TABLE skill_uses (
    name TEXT PRIMARY KEY,
    uses INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    last_error TEXT
) STRICT, WITHOUT ROWID;

-- The words of the living skills, put together by the host: rowid is the skill's id.
CREATE VIRTUAL TABLE skill_words USING fts5 (
    name, about, parameters, source,
    content = '', contentless_delete = 1,
    tokenize = "unicode61 remove_diacritics 0 tokenchars '_'"
);
CREATE VIRTUAL TABLE skill_vocabulary USING fts5vocab (skill_words, row);

-- Artifacts: a name, and its versions. Their content lies beside the database, in files named by its SHA-256.
CREATE TABLE artifacts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    folded TEXT NOT NULL,
    head INTEGER NOT NULL,
    live INTEGER NOT NULL
) STRICT;
CREATE INDEX artifacts_live ON artifacts (live, name);
CREATE INDEX artifacts_folded ON artifacts (folded);

-- What a version says is never changed; only whether its content is still kept is.
CREATE TABLE artifact_versions (
    artifact INTEGER NOT NULL REFERENCES artifacts (id),
    version INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('saved', 'deleted')),
    hash TEXT NOT NULL,
    size INTEGER NOT NULL,
    form TEXT NOT NULL,
    media_type TEXT NOT NULL,
    description TEXT NOT NULL,
    metadata TEXT NOT NULL,
    author TEXT NOT NULL,
    made INTEGER NOT NULL,
    expires INTEGER,
    kept INTEGER NOT NULL,
    PRIMARY KEY (artifact, version)
) STRICT;
CREATE INDEX artifact_versions_kept ON artifact_versions (hash) WHERE kept = 1;
CREATE TRIGGER artifact_versions_stay BEFORE UPDATE OF
    artifact, version, kind, hash, size, form, media_type, description, metadata, author, made, expires
    ON artifact_versions
BEGIN
    SELECT RAISE(ABORT, 'a version is never changed');
END;

-- The files that kept versions need, each once.
CREATE TABLE artifact_blobs (
    hash TEXT PRIMARY KEY,
    size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What texts mean, as vectors: by the model that read them and by the SHA-256 of what was read. A vector is never changed.
CREATE TABLE meanings (
    model TEXT NOT NULL,
    hash BLOB NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (model, hash)
) STRICT;

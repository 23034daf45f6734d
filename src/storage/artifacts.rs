//! Artifacts as the store keeps them: plain rows. Their content lies in files that the room of artifacts owns.

/// What a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArtifactKind {
    /// Content that was saved.
    Saved,
    /// The artifact was deleted here.
    Deleted,
}

/// A version to be added. Its content is on the disk already.
#[derive(Debug, Clone, Default)]
pub struct NewArtifact {
    /// The artifact's name.
    pub name: String,
    /// The name as it looks: two living artifacts never have the same.
    pub folded: String,
    /// The content's SHA-256 in hex.
    pub hash: String,
    /// Bytes of content.
    pub size: i64,
    /// How the content was encoded, in a word of those who save and load.
    pub form: String,
    /// Its media type.
    pub media_type: String,
    /// What it is, in words.
    pub description: String,
    /// More about it, as JSON.
    pub metadata: String,
    /// Who saved it.
    pub author: String,
    /// When, in microseconds since 1970.
    pub made: i64,
    /// From when on it is gone, in microseconds since 1970.
    pub expires: Option<i64>,
}

/// What became of a save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saving {
    /// It is this version.
    Version(i64),
    /// A living artifact has a name that looks the same.
    Collides(String),
    /// It does not fit beside these bytes.
    NoRoom(i64),
}

/// A version as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactRow {
    /// The artifact's name.
    pub name: String,
    /// Its number, from 1.
    pub version: i64,
    /// Whether it is content or a deletion.
    pub kind: ArtifactKind,
    /// The content's SHA-256 in hex; empty for a deletion.
    pub hash: String,
    /// Bytes of content.
    pub size: i64,
    /// How the content was encoded.
    pub form: String,
    /// Its media type.
    pub media_type: String,
    /// What it is, in words.
    pub description: String,
    /// More about it, as JSON.
    pub metadata: String,
    /// Who saved it.
    pub author: String,
    /// When, in microseconds since 1970.
    pub made: i64,
    /// From when on it is gone.
    pub expires: Option<i64>,
    /// Whether the content is still kept.
    pub is_kept: bool,
    /// Whether it is the newest version of its name.
    pub is_newest: bool,
}

/// Content that versions need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactContent {
    /// Its SHA-256 in hex.
    pub hash: String,
    /// Bytes.
    pub size: i64,
    /// An artifact that it is of, and the newest version of that.
    pub name: String,
    /// The version.
    pub version: i64,
}

/// How much may be kept in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes of content, every content counted once.
    pub bytes: i64,
}

/// What a collection took away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Versions whose content is no longer kept.
    pub versions: i64,
    /// Bytes that no version needs any more.
    pub bytes: i64,
}

/// What is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Living artifacts.
    pub artifacts: i64,
    /// Versions with content.
    pub versions: i64,
    /// Bytes on the disk, every content counted once.
    pub bytes: i64,
    /// Bytes as the versions have them, each by itself.
    pub apparent: i64,
}

//! The words of skills in the database: an index of full text for a library that is not in memory, and packed ones for it to be
//! brought there.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::error::StorageError;
use super::super::words::{Changes, Hash, Head, Mark, WordHits, Worded, Words};
use super::Db;
use super::skills::{COLUMNS, skill};

/// How much a word counts by where it stands: in the name, the description and tags, the parameters, the source.
const WEIGHTS: &str = "4.0, 2.0, 1.5, 0.7";

/// Some skills in the order of their numbers.
const PAGE: &str = "s.id > ?2 ORDER BY s.id LIMIT ?3";

impl Db {
    /// The living skills that have any of these words, the best first by the database's own measure, and for each word in how
    /// many skills it stands; with the number of living skills.
    pub fn skills_with(&mut self, words: &[String], limit: usize) -> Result<WordHits, StorageError> {
        self.read("searching skills", |db| {
            let all = db.query_row("SELECT count(*) FROM skills WHERE live = 1", [], |row| row.get(0))?;
            let mut counts = Vec::with_capacity(words.len());
            for word in words {
                let count = db
                    .prepare_cached("SELECT doc FROM skill_vocabulary WHERE term = ?1")?
                    .query_row([word], |row| row.get::<_, i64>(0))
                    .optional()?;
                counts.push(count.unwrap_or(0));
            }
            let quoted: Vec<String> =
                words.iter().map(|word| format!("\"{}\"", word.replace('"', "\"\""))).collect();
            if quoted.is_empty() {
                return Ok(WordHits { skills: Vec::new(), counts, all });
            }
            let query = format!(
                "SELECT {COLUMNS} FROM (SELECT rowid AS id, bm25(skill_words, {WEIGHTS}) AS score FROM skill_words \
                 WHERE skill_words MATCH ?1 ORDER BY score LIMIT ?2) w JOIN skills s ON s.id = w.id \
                 JOIN skill_versions v ON v.skill = s.id AND v.version = s.head ORDER BY w.score"
            );
            let mut statement = db.prepare_cached(&query)?;
            let rows = statement.query_map(params![quoted.join(" OR "), limit as i64], skill)?;
            Ok(WordHits { skills: rows.collect::<Result<_, _>>()?, counts, all })
        })
    }

    /// What changed of the living skills since a mark. Without a mark of this database all are to be read, page by page.
    pub fn skill_changes(&mut self, since: Option<Mark>, edition: i64) -> Result<Changes, StorageError> {
        self.read("looking for changes", |db| {
            let newest = newest(db)?;
            let known = match since {
                Some(since) => db
                    .prepare_cached("SELECT rowid, skill, version FROM skill_versions WHERE rowid = ?1")?
                    .query_row([since.place], mark)
                    .optional()?
                    .filter(|known| *known == since),
                None => None,
            };
            let Some(known) = known else {
                return Ok(Changes { is_all: true, living: Vec::new(), gone: Vec::new(), mark: newest });
            };
            let mut changed =
                db.prepare_cached("SELECT DISTINCT skill FROM skill_versions WHERE rowid > ?1")?;
            let changed: Vec<i64> =
                changed.query_map([known.place], |row| row.get(0))?.collect::<Result<_, _>>()?;
            let (mut living, mut gone) = (Vec::new(), Vec::new());
            let mut statement = db.prepare_cached(&heads("s.id = ?2"))?;
            for id in changed {
                match statement.query_row([edition, id], head).optional()? {
                    Some(head) => living.push(head),
                    None => gone.push(id),
                }
            }
            Ok(Changes { is_all: false, living, gone, mark: newest })
        })
    }

    /// The newest version: another one after every change of a skill.
    pub fn newest_version(&mut self) -> Result<Option<Mark>, StorageError> {
        self.read("looking for changes", |db| newest(db))
    }

    /// Living skills by their numbers after this one.
    pub fn heads_after(&mut self, after: i64, limit: usize, edition: i64) -> Result<Vec<Head>, StorageError> {
        self.read("reading words", |db| {
            let mut statement = db.prepare_cached(&heads(PAGE))?;
            let rows = statement.query_map(params![edition, after, limit as i64], head)?;
            rows.collect()
        })
    }

    /// Keeps the words of skills that have none of this way yet; a skill that has another version by now is left out.
    pub fn keep_words(&mut self, all: &[Worded]) -> Result<(), StorageError> {
        self.write("keeping words", |db| {
            for one in all {
                let head = db
                    .prepare_cached("SELECT head FROM skills WHERE id = ?1 AND live = 1")?
                    .query_row([one.skill], |row| row.get::<_, i64>(0))
                    .optional()?;
                if head == Some(one.version) {
                    put_words(db, one.skill, one.version, &one.words)?;
                }
            }
            Ok(())
        })
    }
}

/// Puts the words of a skill in, in place of those of before.
pub(super) fn put_words(db: &Connection, skill: i64, version: i64, words: &Words) -> rusqlite::Result<()> {
    take_words(db, skill)?;
    let [name, about, parameters, source] = &words.texts;
    db.prepare_cached(
        "INSERT INTO skill_words (rowid, name, about, parameters, source) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![skill, name, about, parameters, source])?;
    db.prepare_cached("INSERT INTO skill_bags VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
        skill,
        version,
        words.edition,
        words.content,
        words.bag
    ])?;
    Ok(())
}

/// Takes the words of a skill out.
pub(super) fn take_words(db: &Connection, skill: i64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM skill_words WHERE rowid = ?1")?.execute([skill])?;
    db.prepare_cached("DELETE FROM skill_bags WHERE skill = ?1")?.execute([skill])?;
    Ok(())
}

fn newest(db: &Connection) -> rusqlite::Result<Option<Mark>> {
    db.prepare_cached("SELECT rowid, skill, version FROM skill_versions ORDER BY rowid DESC LIMIT 1")?
        .query_row([], mark)
        .optional()
}

/// Living skills with their words, as far as those are of the first parameter's edition. The plus keeps SQLite from the index of
/// living skills, by which every page would be all of them, sorted by number.
fn heads(which: &str) -> String {
    format!(
        "SELECT s.id, b.content, b.bag FROM skills s LEFT JOIN skill_bags b ON b.skill = s.id AND b.version = s.head \
         AND b.edition = ?1 WHERE +s.live = 1 AND {which}"
    )
}

fn head(row: &Row<'_>) -> rusqlite::Result<Head> {
    let (content, bag): (Option<Hash>, Option<Vec<u8>>) = (row.get(1)?, row.get(2)?);
    Ok(Head { id: row.get(0)?, words: content.zip(bag) })
}

fn mark(row: &Row<'_>) -> rusqlite::Result<Mark> {
    Ok(Mark { place: row.get(0)?, skill: row.get(1)?, version: row.get(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_skills_is_read_without_reading_all_of_them() {
        let room = tempfile::tempdir().unwrap();
        let mut db = Db::open(&room.path().join("store.db")).unwrap();
        let plan = db.read("explaining", |db| {
            let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {}", heads(PAGE)))?;
            let steps = statement.query_map([1, 0, 10], |row| row.get::<_, String>(3))?;
            steps.collect::<Result<Vec<_>, _>>()
        });
        let plan = plan.unwrap();
        assert!(plan[0].contains("INTEGER PRIMARY KEY (rowid>?)"), "{plan:?}");
        assert!(plan.iter().all(|step| !step.contains("TEMP B-TREE")), "{plan:?}");
    }
}

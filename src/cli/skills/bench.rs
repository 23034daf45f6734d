//! `skills bench`: how well searches find, over a corpus and queries whose right answers are known.
//!
//! Each line of the corpus is JSON with `id`, `name`, `description`, `params` and `code`; each line of the queries has `query`,
//! `relevant` (ids) and, if wanted, `split`.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde::Deserialize;
use serde_json::json;

use super::Form;
use crate::cli::error::hinted;
use crate::cli::print;
use crate::embedding::{Embedder, State};
use crate::skills::trial::{Entry, Library};

/// `actwright skills bench`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The skills, a line of JSON each
    #[arg(long, value_name = "FILE")]
    corpus: PathBuf,
    /// The queries, a line of JSON each
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Asked {
    query: String,
    relevant: Vec<String>,
    #[serde(default = "all")]
    split: String,
}

fn all() -> String {
    "all".to_owned()
}

/// What came of the queries of a split.
#[derive(Debug, Clone, Default)]
struct Figures {
    queries: usize,
    first: usize,
    five: usize,
    ranks: f64,
    nothing: usize,
}

/// Prints the figures.
pub async fn run(embedder: &Embedder, args: &Args, form: Form) -> anyhow::Result<ExitCode> {
    let corpus: Vec<Entry> = lines(&args.corpus)?;
    let queries: Vec<Asked> = lines(&args.queries)?;
    if corpus.is_empty() || queries.is_empty() {
        return Err(hinted(
            "there is nothing to search, or nothing to look for",
            "write a line of JSON for each",
        ));
    }
    let mut library = Library::of(corpus);
    let words = figures(&library, &queries, &[]);
    let state = embedder.state();
    let meaning = match &state {
        State::Ready => {
            let is_shown = form == Form::Text && std::io::stderr().is_terminal();
            let told = |there: usize, all: usize| {
                if is_shown {
                    // A line that could not be shown is no reason to stop.
                    drop(print::stderr(&format!("\r\u{1b}[Kreading: {there} of {all}")));
                }
            };
            library.read(embedder, told).await.context("cannot read the corpus")?;
            if is_shown {
                print::stderr("\r\u{1b}[K")?;
            }
            let mut vectors = Vec::with_capacity(queries.len());
            for asked in &queries {
                vectors.push(library.vector(embedder, &asked.query).await.context("cannot read a query")?);
            }
            Some(figures(&library, &queries, &vectors))
        }
        State::Fetching(_) | State::Off(_) => None,
    };
    let why = match state {
        State::Off(why) => why,
        _ => String::new(),
    };
    if form == Form::Json {
        let all = json!({"words": about(&words), "meaning": meaning.as_ref().map(about), "reason": why});
        print::stdout(&format!("{all:#}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = table("words only", &words);
    match &meaning {
        Some(meaning) => text.push_str(&format!("\n{}", table("words and meaning", meaning))),
        None => text.push_str(&format!("\nwithout meaning: {why}\n")),
    }
    print::stdout(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn lines<T: for<'a> Deserialize<'a>>(path: &Path) -> anyhow::Result<Vec<T>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = lines.map(|(at, line)| {
        serde_json::from_str(line).with_context(|| format!("{}, line {}", path.display(), at + 1))
    });
    read.collect()
}

fn figures(library: &Library, queries: &[Asked], vectors: &[Vec<f32>]) -> BTreeMap<String, Figures> {
    let mut splits: BTreeMap<String, Figures> = BTreeMap::new();
    for (at, asked) in queries.iter().enumerate() {
        let found = library.find(&asked.query, vectors.get(at).map(Vec::as_slice), 10);
        let rank = found.iter().position(|id| asked.relevant.iter().any(|right| right == id));
        let split = splits.entry(asked.split.clone()).or_default();
        split.queries += 1;
        split.nothing += usize::from(found.is_empty());
        if let Some(rank) = rank {
            split.first += usize::from(rank == 0);
            split.five += usize::from(rank < 5);
            split.ranks += 1.0 / (rank + 1) as f64;
        }
    }
    splits
}

impl Figures {
    /// recall@1, recall@5, MRR@10.
    fn shares(&self) -> [f64; 3] {
        let all = self.queries as f64;
        [self.first as f64 / all, self.five as f64 / all, self.ranks / all]
    }
}

fn about(splits: &BTreeMap<String, Figures>) -> serde_json::Value {
    let one = |figures: &Figures| {
        let [first, five, ranks] = figures.shares().map(|share| (share * 1000.0).round() / 1000.0);
        json!({"queries": figures.queries, "recall_at_1": first, "recall_at_5": five, "mrr_at_10": ranks,
               "nothing_fits": figures.nothing})
    };
    splits.iter().map(|(name, figures)| (name.clone(), one(figures))).collect()
}

fn table(title: &str, splits: &BTreeMap<String, Figures>) -> String {
    let mut text = format!(
        "{title:<20} {:>8} {:>9} {:>9} {:>7} {:>8}\n",
        "queries", "recall@1", "recall@5", "MRR@10", "nothing"
    );
    for (name, figures) in splits {
        let [first, five, ranks] = figures.shares();
        let (queries, nothing) = (figures.queries, figures.nothing);
        text.push_str(&format!(
            "  {name:<18} {queries:>8} {first:>9.3} {five:>9.3} {ranks:>7.3} {nothing:>8}\n"
        ));
    }
    text
}

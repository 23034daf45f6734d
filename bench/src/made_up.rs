//! A library of made-up skills with made-up vectors, because reading a hundred thousand of them would take hours.
//!
//! Words are shared as in a library of people: a few stand in every source, most in some, and each skill has one of its own. The
//! vectors mean nothing, which costs a search the same.

use std::path::{Path, PathBuf};

use actwright::config::ModelRules;
use actwright::embedding::{Embedder, MODELS};
use actwright::skills::{Creation, Skills, content_of};
use actwright::storage::Store;

/// Skills that are saved at once.
const PART: usize = 1_000;

const VERBS: &str = "count merge parse split sort filter convert compare fetch group clean rename validate summarise plot encode";
const THINGS: &str = "invoices lines rows tables images addresses dates orders headers tokens events files folders records \
                      columns prices users sessions reports tags links names points intervals";
const WAYS: &str = "by month;by level;without duplicates;in one pass;by a key;from a spreadsheet;into JSON;of a web page;with a \
                    limit;that are too large;as text;in parallel;over time;by similarity;by customer;per region;in a \
                    directory;before a deadline;with their totals;from an archive";
const SUBJECTS: &str = "accounting astronomy bakery banking billing biology booking calendar cargo census chemistry cinema climate \
                        clinic courier customs dairy dental election energy factory fashion finance fishing forestry freight \
                        garden geology grocery harbour heating hospital hotel housing insurance jewellery journal kitchen \
                        laboratory laundry legal library livestock logistics lottery machinery magazine maritime market \
                        medicine metering mining museum music newspaper nursery orchard parcel parking patent payroll pension \
                        pharmacy police postal poultry printing quarry railway recipe recycling rental repair restaurant \
                        retail salary school seismic shipping soccer solar statistics station stock survey taxation telecom \
                        theatre timber tourism traffic transit travel tunnel utility vaccine vehicle warehouse waste weather \
                        wedding wholesale wildlife winery";

/// What is looked for instead of a verb, and instead of a thing.
const ASKED: &str = "tally;combine;read;cut apart;order;keep only some;turn;find what changed between;download;put together;tidy;\
                     give another name to;check;give an overview of;draw;make safe to send";
const FOR: &str = "bills;text;entries;grids;pictures;places where people live;days;purchases;titles;words;what happened;documents;\
                   directories;notes;fields;costs;people;visits;papers;labels;references;titles;spots;spans";

/// Numbers that look random and are the same each time.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn one_of<'a>(&mut self, words: &'a str, between: char) -> &'a str {
        let words: Vec<&str> = words.split(between).map(str::trim).filter(|word| !word.is_empty()).collect();
        words.get(self.next() as usize % words.len().max(1)).copied().unwrap_or_default()
    }

    /// Numbers of no meaning, of length 1.
    fn vector(&mut self) -> Vec<f32> {
        let mut numbers: Vec<f32> =
            (0..MODELS[0].dimension).map(|_| self.next() as f32 / (1_u64 << 31) as f32 - 0.5).collect();
        let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
        numbers.iter_mut().for_each(|number| *number /= length);
        numbers
    }
}

/// A question that no skill answers word for word.
pub fn query(chance: &mut Chance) -> String {
    let (verb, thing) = (chance.one_of(ASKED, ';'), chance.one_of(FOR, ';'));
    format!("{verb} {thing} of a {} {}", chance.one_of(SUBJECTS, ' '), chance.one_of(WAYS, ';'))
}

/// A skill of some thirty lines.
pub fn creation(chance: &mut Chance, at: usize) -> Creation {
    let (verb, thing) = (chance.one_of(VERBS, ' '), chance.one_of(THINGS, ' '));
    let (way, subject) = (chance.one_of(WAYS, ';'), chance.one_of(SUBJECTS, ' '));
    let (other, also) = (chance.one_of(THINGS, ' '), chance.one_of(SUBJECTS, ' '));
    let name = format!("{verb}_{subject}_{thing}_{at}");
    let source = format!(
        r#""""{verb} {thing} {way}."""
import json
import re
from collections import defaultdict

PATTERN = re.compile(r"(?P<{subject}>\w+)\s*[:=]\s*(?P<value>[^,;]+)")


def clean_{thing}(text: str) -> list:
    """Takes the {thing} of the {subject} apart; lines that are no {other} are left out."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = PATTERN.match(line.strip())
        if match is None:
            continue
        found.append({{"{subject}": match["{subject}"], "value": match["value"].strip(), "line": number}})
    return found


def run(path: str, {other}: list | None = None, limit: int = {at}, strict: bool = False) -> dict:
    with open(path, encoding="utf-8") as file:
        {thing} = clean_{thing}(file.read())
    if strict and not {thing}:
        raise ValueError(f"no {thing} for the {also} in {{path}}")
    groups = defaultdict(list)
    for entry in {thing}[:limit]:
        key = entry["{subject}"].lower()
        if {other} is None or key in {other}:
            groups[key].append(entry["value"])
    totals = {{key: len(values) for key, values in groups.items()}}
    return {{"groups": json.loads(json.dumps(groups)), "totals": totals, "{also}": len(totals)}}
"#
    );
    let description = format!(
        "{verb} the {thing} of a {subject} {way}.\n\nUsed for the {also}: every {other} is looked at once, and what has no key \
         is left out. Gives groups and their totals."
    );
    Creation { name, source, description: Some(description), ..Creation::default() }
}

/// Fills a base directory.
pub fn fill(base: &Path, size: usize) -> anyhow::Result<()> {
    let store = Store::at(base);
    let skills = Skills::over(store.clone(), Vec::<PathBuf>::new(), Embedder::over(&ModelRules::none()));
    let model = MODELS[0].key();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let (mut words, mut numbers) = (Chance::of(1), Chance::of(2));
        for from in (0..size).step_by(PART) {
            let creations: Vec<Creation> =
                (from..size.min(from + PART)).map(|at| creation(&mut words, at)).collect();
            let vectors: anyhow::Result<Vec<_>> = creations
                .iter()
                .map(|creation| Ok((content_of(&creation.clone().check()?), numbers.vector())))
                .collect();
            let (vectors, key) = (vectors?, model.clone());
            skills.create_all(creations).await?;
            store.ask(move |db| db.keep_vectors(&key, &vectors)).await?;
        }
        anyhow::Ok(())
    })
}

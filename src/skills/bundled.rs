//! The skills that come with the program, from `skills/` in its sources. Any of them is overridden by one of the same name.

use std::sync::{Arc, OnceLock};

use super::files::{About, Near, skill};
use super::skill::Origin;

macro_rules! bundled {
    ($($name:literal),* $(,)?) => {
        [$((
            $name,
            include_str!(concat!("../../skills/", $name, ".py")),
            include_str!(concat!("../../skills/", $name, ".json")),
        )),*]
    };
}

/// Name, source, and what stands beside the source.
const SKILLS: [(&str, &str, &str); 10] = bundled![
    "csv_summary",
    "extract_links",
    "find_in_files",
    "group_rows",
    "html_tables",
    "json_diff",
    "large_files",
    "log_counts",
    "markdown_table",
    "text_diff",
];

static READ: OnceLock<Vec<Arc<Near>>> = OnceLock::new();

/// All of them, in the order of their names; read when they are first needed.
pub fn skills() -> &'static [Arc<Near>] {
    READ.get_or_init(|| {
        let read = SKILLS.iter().filter_map(|(name, source, about)| {
            let about: About = serde_json::from_str(about).unwrap_or_default();
            match skill((*name).to_owned(), (*source).to_owned(), about, Origin::Bundled) {
                Ok(skill) => Some(Near::of(skill)),
                Err(why) => {
                    tracing::error!("the bundled skill {name} cannot be used: {why}");
                    None
                }
            }
        });
        read.collect()
    })
}

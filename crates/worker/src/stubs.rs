//! The Python side's sources, embedded, so that nothing is installed into the user's environment.

use pyo3::prelude::*;

macro_rules! module {
    ($name:literal, $file:literal) => {
        ($name, include_str!(concat!("../../../python_stubs/actwright/", $file)))
    };
}

/// Module name and source, in no particular order: an importer finds them by name.
const SOURCES: &[(&str, &str)] = &[
    module!("actwright", "__init__.py"),
    module!("actwright.asking", "asking.py"),
    module!("actwright.cell", "cell.py"),
    module!("actwright.display", "display.py"),
    module!("actwright.eventloop", "eventloop.py"),
    module!("actwright.failure", "failure.py"),
    module!("actwright.figures", "figures.py"),
    module!("actwright.habits", "habits.py"),
    module!("actwright.hints", "hints.py"),
    module!("actwright.inspection", "inspection.py"),
    module!("actwright.kernel", "kernel.py"),
    module!("actwright.modules", "modules.py"),
    module!("actwright.later", "later.py"),
    module!("actwright.flows", "flows.py"),
    module!("actwright.laters", "laters.py"),
    module!("actwright.awaiting", "awaiting.py"),
    module!("actwright.mpl", "mpl.py"),
    module!("actwright.owners", "owners.py"),
    module!("actwright.plan", "plan.py"),
    module!("actwright.progress", "progress.py"),
    module!("actwright.prompts", "prompts.py"),
    module!("actwright.refusals", "refusals.py"),
    module!("actwright.scopes", "scopes.py"),
    module!("actwright.similar", "similar.py"),
    module!("actwright.artifacts", "artifacts.py"),
    module!("actwright.deps", "deps.py"),
    module!("actwright.shelf", "shelf.py"),
    module!("actwright.tagged", "tagged.py"),
    module!("actwright.encoding", "encoding.py"),
    module!("actwright.skills", "skills.py"),
    module!("actwright.tables", "tables.py"),
    module!("actwright.source", "source.py"),
    module!("actwright.streams", "streams.py"),
    module!("actwright.surroundings", "surroundings.py"),
    module!("actwright.tools", "tools.py"),
    module!("actwright.values", "values.py"),
];

/// All embedded modules as (name, source).
#[pyfunction]
pub fn sources() -> Vec<(&'static str, &'static str)> {
    SOURCES.to_vec()
}

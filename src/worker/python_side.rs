//! The Python side's sources, embedded, in the form in which the interpreter in the sandbox takes them.
//!
//! It comes to the interpreter over a pipe, so that nothing is installed into the user's environment.

macro_rules! module {
    ($name:literal, $file:literal) => {
        ($name, include_str!(concat!("../../python_stubs/actwright/", $file)))
    };
}

/// What the interpreter runs first.
pub const BOOT: &str = include_str!("../../python_stubs/boot.py");

/// What an interpreter outside runs to compile the modules for those inside.
pub const COMPILE: &str = include_str!("../../python_stubs/compile.py");

/// Module name and source, in no particular order: an importer finds them by name.
const SOURCES: &[(&str, &str)] = &[
    module!("actwright", "__init__.py"),
    module!("actwright.artifacts", "artifacts.py"),
    module!("actwright.asking", "asking.py"),
    module!("actwright.awaiting", "awaiting.py"),
    module!("actwright.bending", "bending.py"),
    module!("actwright.cell", "cell.py"),
    module!("actwright.deps", "deps.py"),
    module!("actwright.display", "display.py"),
    module!("actwright.encoding", "encoding.py"),
    module!("actwright.eventloop", "eventloop.py"),
    module!("actwright.failure", "failure.py"),
    module!("actwright.figures", "figures.py"),
    module!("actwright.flows", "flows.py"),
    module!("actwright.habits", "habits.py"),
    module!("actwright.hints", "hints.py"),
    module!("actwright.imports", "imports.py"),
    module!("actwright.inspection", "inspection.py"),
    module!("actwright.kernel", "kernel.py"),
    module!("actwright.later", "later.py"),
    module!("actwright.laters", "laters.py"),
    module!("actwright.modules", "modules.py"),
    module!("actwright.mpl", "mpl.py"),
    module!("actwright.objects", "objects.py"),
    module!("actwright.owners", "owners.py"),
    module!("actwright.plan", "plan.py"),
    module!("actwright.preload", "preload.py"),
    module!("actwright.progress", "progress.py"),
    module!("actwright.prompts", "prompts.py"),
    module!("actwright.refusals", "refusals.py"),
    module!("actwright.scopes", "scopes.py"),
    module!("actwright.shelf", "shelf.py"),
    module!("actwright.similar", "similar.py"),
    module!("actwright.skills", "skills.py"),
    module!("actwright.source", "source.py"),
    module!("actwright.streams", "streams.py"),
    module!("actwright.surroundings", "surroundings.py"),
    module!("actwright.tables", "tables.py"),
    module!("actwright.tagged", "tagged.py"),
    module!("actwright.tools", "tools.py"),
    module!("actwright.values", "values.py"),
];

/// All modules as a dict of names and sources, in Python's `marshal` format: the same for every version, where nothing
/// but dicts and text are in it.
pub fn sources() -> Vec<u8> {
    let mut bytes = vec![b'{'];
    for text in SOURCES.iter().flat_map(|(name, source)| [name, source]) {
        // A source file of four gigabytes would not have been compiled into this.
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        bytes.push(b'u');
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.push(b'0');
    bytes
}

//! The tools of packages as clients see them.

use serde_json::json;

use super::{Declared, Definition, ToolName};

/// The arguments of one of them.
pub(super) fn arguments(name: ToolName) -> &'static [Declared] {
    match name {
        ToolName::AddDep => {
            &[Declared { name: "package", expected: "a package with its versions, as in pandas>=2" }]
        }
        ToolName::RemoveDep => &[Declared { name: "package", expected: "a package's name as a string" }],
        _ => &[],
    }
}

/// The definition of one of them.
pub(super) fn definition(name: ToolName) -> Definition {
    let package = || json!({"package": {"type": "string"}});
    let made = |title, words: &str, properties, required| (title, words.to_owned(), properties, required);
    match name {
        ToolName::AddDep => made(
            "Add package",
            "Install a package (pandas>=2) for all sessions.",
            package(),
            json!(["package"]),
        ),
        ToolName::RemoveDep => made("Remove package", "Undo add_dep.", package(), json!(["package"])),
        _ => made("List packages", "List added packages.", json!({}), json!([])),
    }
}

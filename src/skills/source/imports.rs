//! What a source imports, wherever in it.

use std::collections::BTreeSet;

use ruff_python_ast::Stmt;
use ruff_python_ast::visitor::{Visitor, walk_stmt};

use super::{LARGEST, deeply, metadata, syntax};

/// The first names of the modules that a source imports, and the packages that it says it needs; none of one that cannot be
/// read.
pub fn imports(source: &str) -> Vec<String> {
    if source.len() > LARGEST {
        return Vec::new();
    }
    let mut found = deeply(|| {
        let (_, parsed) = syntax::parsed(source)?;
        let mut reader = Reader::default();
        reader.visit_body(&parsed.syntax().body);
        Ok(reader.modules)
    })
    .unwrap_or_default();
    let needed = metadata::read(source).map(|metadata| metadata.dependencies).unwrap_or_default();
    found.extend(needed.iter().map(|text| package(text)).filter(|name| !name.is_empty()));
    found.into_iter().collect()
}

/// `pandas` of `pandas[excel]>=2`.
fn package(requirement: &str) -> String {
    requirement.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
}

#[derive(Default)]
struct Reader {
    modules: BTreeSet<String>,
}

impl<'a> Visitor<'a> for Reader {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        let first = |name: &str| name.split('.').next().unwrap_or(name).to_owned();
        match statement {
            Stmt::Import(import) => self.modules.extend(import.names.iter().map(|alias| first(&alias.name))),
            Stmt::ImportFrom(import) if import.level == 0 => {
                self.modules.extend(import.module.iter().map(|module| first(module)));
            }
            _ => {}
        }
        walk_stmt(self, statement);
    }
}

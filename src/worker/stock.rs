//! What a zygote is told to import in advance, and what it may.
//!
//! That code runs outside of the walls of a session. So of the packages that agents can add only well-known ones may be
//! imported there, each from the package that is known for it and from no other; of those that the interpreter has
//! itself, which its owner has put there, any that the trial in the zygote finds fit. At level `restricted` there is no room
//! around a zygote, and nothing that agents can add is imported in one.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use crate::config::{Preload, SandboxLevel};
use crate::packages::{Present, reachable};

/// Modules that are often imported and do not mind a fork, with the package that each comes from.
const KNOWN: [(&str, &str); 38] = [
    ("numpy", "numpy"),
    ("pandas", "pandas"),
    ("dateutil", "python-dateutil"),
    ("six", "six"),
    ("pytz", "pytz"),
    ("tzdata", "tzdata"),
    ("scipy", "scipy"),
    ("matplotlib", "matplotlib"),
    ("mpl_toolkits", "matplotlib"),
    ("pylab", "matplotlib"),
    ("cycler", "cycler"),
    ("kiwisolver", "kiwisolver"),
    ("contourpy", "contourpy"),
    ("fontTools", "fonttools"),
    ("packaging", "packaging"),
    ("pyparsing", "pyparsing"),
    ("PIL", "pillow"),
    ("requests", "requests"),
    ("urllib3", "urllib3"),
    ("idna", "idna"),
    ("certifi", "certifi"),
    ("charset_normalizer", "charset-normalizer"),
    ("yaml", "pyyaml"),
    ("_yaml", "pyyaml"),
    ("bs4", "beautifulsoup4"),
    ("soupsieve", "soupsieve"),
    ("typing_extensions", "typing-extensions"),
    ("lxml", "lxml"),
    ("attr", "attrs"),
    ("attrs", "attrs"),
    ("jinja2", "jinja2"),
    ("markupsafe", "markupsafe"),
    ("openpyxl", "openpyxl"),
    ("et_xmlfile", "et-xmlfile"),
    ("sympy", "sympy"),
    ("mpmath", "mpmath"),
    ("networkx", "networkx"),
    ("tabulate", "tabulate"),
];

/// Modules with threads or devices that a fork does not survive, even if none shows when they are imported.
const SHUT: [&str; 14] = [
    "polars",
    "pyarrow",
    "torch",
    "tensorflow",
    "jax",
    "jaxlib",
    "cupy",
    "ray",
    "grpc",
    "duckdb",
    "numba",
    "tkinter",
    "pip",
    "setuptools",
];

/// An order to a zygote, as it is passed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stock {
    /// The set of packages that it is for; empty if there is none.
    pub set: String,
    /// The modules to import.
    pub names: Vec<String>,
    /// The modules that may come from the set, for whatever reason they are imported.
    admitted: Vec<String>,
    shut: Vec<&'static str>,
    /// Places where sessions can write, so that nothing may come from there.
    writable: Vec<PathBuf>,
}

impl Stock {
    /// Of what sessions import, what may be imported in advance for those that see this set.
    pub fn of(
        seen: Option<&Present>,
        preload: &Preload,
        level: SandboxLevel,
        popular: Vec<String>,
        writable: &[PathBuf],
    ) -> Option<Self> {
        let admitted = admitted(seen, preload, level);
        let names = match preload {
            Preload::Off => Vec::new(),
            Preload::These(names) => names.clone(),
            Preload::Auto => {
                let brought = |name: &str| modules(seen).any(|(module, _)| module == name);
                let may = |name: &String| {
                    let is_open = !brought(name) || admitted.contains(name.as_str());
                    is_open && !SHUT.contains(&name.as_str())
                };
                popular.into_iter().filter(may).collect()
            }
        };
        (!names.is_empty()).then(|| Self {
            set: seen.map(|seen| seen.set.clone()).unwrap_or_default(),
            names,
            admitted: admitted.into_iter().map(str::to_owned).collect(),
            // Whoever runs the server may know better.
            shut: SHUT.into_iter().filter(|shut| !named(preload, shut)).collect(),
            writable: writable.to_vec(),
        })
    }
}

/// Whether the operator has named this module.
fn named(preload: &Preload, module: &str) -> bool {
    matches!(preload, Preload::These(names) if names.iter().any(|name| name == module))
}

/// Every module of a set with the package that brings it.
fn modules(seen: Option<&Present>) -> impl Iterator<Item = (&str, &str)> {
    let packages = seen.map(|seen| seen.packages.as_slice()).unwrap_or_default();
    packages
        .iter()
        .flat_map(|package| package.modules.iter().map(|module| (module.as_str(), package.name.as_str())))
}

/// The modules of a set that may be imported in advance. What two packages have put into one place belongs to neither.
fn admitted<'a>(seen: Option<&'a Present>, preload: &Preload, level: SandboxLevel) -> BTreeSet<&'a str> {
    let Some(present) = seen else { return BTreeSet::new() };
    let is_listed = |module: &String| named(preload, module);
    let listed = present.packages.iter().filter(|package| package.modules.iter().any(is_listed));
    let with_needs = reachable(listed.map(|package| &package.name), &present.packages);
    let bringers = |wanted: &str| modules(seen).filter(|(module, _)| *module == wanted).count();
    let may = |module: &str, package: &str| {
        (level != SandboxLevel::Restricted && KNOWN.contains(&(module, package)))
            || with_needs.iter().any(|name| name.as_str() == package)
    };
    modules(seen)
        .filter(|(module, package)| may(module, package) && bringers(module) == 1)
        .map(|(module, _)| module)
        .collect()
}

#[cfg(test)]
mod tests;

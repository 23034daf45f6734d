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
    module!("actwright.kernel", "kernel.py"),
];

/// All embedded modules as (name, source).
#[pyfunction]
pub fn sources() -> Vec<(&'static str, &'static str)> {
    SOURCES.to_vec()
}

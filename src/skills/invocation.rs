//! The cell that runs a skill for somebody who has its arguments as JSON.

use serde_json::{Map, Value};

/// The name that sessions give to the function that runs a skill for a client.
const INVOKE: &str = "__actwright_invoke__";

/// What becomes of the skill's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// It is the cell's value.
    Itself,
    /// It is bent into what JSON can say: tuples are lists, dates their ISO text.
    Plain,
}

/// The cell's source. `name` may carry a version, as in `parse_logs@3`.
pub fn invocation(name: &str, arguments: &Map<String, Value>, gives: Gives) -> String {
    let arguments = Value::from(arguments.clone()).to_string();
    let plain = match gives {
        Gives::Itself => "",
        Gives::Plain => ", True",
    };
    // A JSON text is a text of Python's too: both know the same escapes of those that are written here.
    format!("{INVOKE}({}, {}{plain})", Value::from(name), Value::from(arguments))
}

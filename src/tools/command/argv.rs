//! The command line of one call: options in the order of the schema, then positionals, each value one argument.

use serde_json::Value;

use super::Values;
use super::definition::{Definition, EndOfOptions, Slot};

/// A value that cannot be put on a command line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ArgvError {
    /// A list where one value belongs, or the other way round.
    #[error("argument `{0}` is of a type that cannot be put on a command line")]
    Type(String),
    /// A text with NUL.
    #[error("argument `{0}` holds a NUL character, which no command line can")]
    Nul(String),
    /// The program would take it for an option.
    #[error(
        "argument `{name}`: `{value}` begins with `-`, and the program would take it for an option; its tool file can \
         say `end_of_options: true` if the program understands `--`"
    )]
    Dash {
        /// The argument.
        name: String,
        /// Its value.
        value: String,
    },
    /// The program would take it for another option.
    #[error("argument `{name}`: `{value}` begins with `-`, and the program would take it for an option")]
    OptionDash {
        /// The argument.
        name: String,
        /// Its value.
        value: String,
    },
}

/// The arguments of the program for these values.
pub fn build(definition: &Definition, values: &Values) -> Result<Vec<String>, ArgvError> {
    let mut argv = definition.fixed.clone();
    for option in &definition.options {
        if let Some(value) = values.get(&option.name) {
            push_option(&mut argv, option, value)?;
        }
    }
    let mut positionals = Vec::new();
    for slot in &definition.positionals {
        match values.get(&slot.name) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                for item in items {
                    positionals.push(positional(definition, slot, item)?);
                }
            }
            Some(value) => positionals.push(positional(definition, slot, value)?),
        }
    }
    if definition.end_of_options == EndOfOptions::DoubleDash && !positionals.is_empty() {
        argv.push("--".to_owned());
    }
    argv.extend(positionals);
    Ok(argv)
}

fn positional(definition: &Definition, slot: &Slot, value: &Value) -> Result<String, ArgvError> {
    let value = text(slot, value)?;
    if value.starts_with('-') && value != "-" && definition.end_of_options == EndOfOptions::None {
        return Err(ArgvError::Dash { name: slot.name.clone(), value });
    }
    Ok(value)
}

fn push_option(argv: &mut Vec<String>, option: &Slot, value: &Value) -> Result<(), ArgvError> {
    match value {
        Value::Null | Value::Bool(false) => {}
        Value::Bool(true) => argv.push(option.flag.clone()),
        Value::Array(items) => {
            for item in items {
                push_value(argv, option, item)?;
            }
        }
        value => push_value(argv, option, value)?,
    }
    Ok(())
}

/// An option with its value: two arguments, or one where the value could be taken for another option.
fn push_value(argv: &mut Vec<String>, option: &Slot, value: &Value) -> Result<(), ArgvError> {
    let value = text(option, value)?;
    let is_short = option.flag.len() == 2 && option.flag.starts_with('-') && option.flag != "--";
    if !value.starts_with('-') {
        argv.extend([option.flag.clone(), value]);
    } else if option.flag.starts_with("--") {
        argv.push(format!("{}={value}", option.flag));
    } else if is_short {
        argv.push(format!("{}{value}", option.flag));
    } else {
        return Err(ArgvError::OptionDash { name: option.name.clone(), value });
    }
    Ok(())
}

fn text(slot: &Slot, value: &Value) -> Result<String, ArgvError> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(true) => "true".to_owned(),
        Value::Bool(false) => "false".to_owned(),
        Value::Null | Value::Array(_) | Value::Object(_) => return Err(ArgvError::Type(slot.name.clone())),
    };
    if text.contains('\0') {
        return Err(ArgvError::Nul(slot.name.clone()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;

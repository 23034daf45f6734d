//! Python values to messages and back.
//!
//! Only exact built-in types cross: a subclass may lie about itself, so it is refused with its name. Text with lone
//! surrogates travels as escapes where it is for reading, and exactly where it is a value.

use std::borrow::Cow;
use std::os::fd::OwnedFd;

use actwright_protocol::{DateTimeKind, Done, Failure, Undefined, Value, ValueForm};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySequence, PySet, PyString, PyTuple,
};

use crate::output::escaped;
use crate::socket::pack;

/// The deepest nesting of a value in a host call.
const DEPTH: u32 = 90;

/// A string's text, lone surrogates as backslash escapes.
pub fn utf8<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    match text.to_cow() {
        Ok(text) => Ok(text),
        Err(_) => Ok(Cow::Owned(String::from_utf8_lossy(escaped(text)?.as_bytes()).into_owned())),
    }
}

fn text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(utf8(value.cast::<PyString>()?)?.into_owned())
}

/// A cell's outcome, as the kernel describes it, with big texts put `beside`.
pub fn done(cell: u64, outcome: &Bound<'_, PyDict>, beside: &mut Vec<OwnedFd>) -> PyResult<Done> {
    let value = match part(outcome, "value")? {
        Some(value) => {
            let value = value.cast_into::<PyDict>()?;
            let repr = item(&value, "repr")?;
            let json = part(&value, "json")?;
            Some(ValueForm {
                repr: pack(utf8(repr.cast::<PyString>()?)?.as_bytes(), beside),
                type_name: text(&item(&value, "type")?)?,
                json: match json {
                    Some(json) => Some(pack(utf8(json.cast::<PyString>()?)?.as_bytes(), beside)),
                    None => None,
                },
            })
        }
        None => None,
    };
    let error = match part(outcome, "error")? {
        Some(error) => Some(failure(&error.cast_into::<PyDict>()?)?),
        None => None,
    };
    let plan = match part(outcome, "plan")? {
        Some(calls) => Some(calls.try_iter()?.map(|call| undefined(&call?)).collect::<PyResult<Vec<_>>>()?),
        None => None,
    };
    let imports = part(outcome, "imports")?.map_or(Ok(Vec::new()), |names| texts(&names))?;
    Ok(Done { cell, value, error, plan, imports })
}

fn item<'py>(dict: &Bound<'py, PyDict>, key: &str) -> PyResult<Bound<'py, PyAny>> {
    dict.get_item(key)?.ok_or_else(|| PyValueError::new_err(format!("the outcome has no {key}")))
}

fn part<'py>(dict: &Bound<'py, PyDict>, key: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(dict.get_item(key)?.filter(|value| !value.is_none()))
}

fn texts(value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    value.try_iter()?.map(|item| text(&item?)).collect()
}

fn failure(error: &Bound<'_, PyDict>) -> PyResult<Failure> {
    let number = |key| match part(error, key)? {
        Some(number) => number.extract::<i64>().map(Some),
        None => PyResult::Ok(None),
    };
    Ok(Failure {
        type_name: text(&item(error, "type")?)?,
        message: text(&item(error, "message")?)?,
        line: number("line")?.and_then(|line| u32::try_from(line).ok()),
        source: part(error, "source")?.map(|source| text(&source)).transpose()?,
        traceback: text(&item(error, "traceback")?)?,
        hints: texts(&item(error, "hints")?)?,
        exit_code: number("exit_code")?.map(|code| i32::try_from(code & 0xff).unwrap_or(1)),
    })
}

fn undefined(call: &Bound<'_, PyAny>) -> PyResult<Undefined> {
    let call = call.cast::<PyDict>()?;
    Ok(Undefined {
        name: text(&item(call, "name")?)?,
        line: item(call, "line")?.extract()?,
        arguments: texts(&item(call, "arguments")?)?,
        types: texts(&item(call, "types")?)?,
    })
}

/// Positional arguments as a list.
pub fn sequence(items: &Bound<'_, PySequence>) -> PyResult<Value> {
    Ok(Value::List(items.try_iter()?.map(|item| to_value(&item?)).collect::<PyResult<_>>()?))
}

/// A Python value as it crosses to the host.
pub fn to_value(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    convert(value, DEPTH)
}

fn convert(value: &Bound<'_, PyAny>, depth: u32) -> PyResult<Value> {
    if depth == 0 {
        return Err(PyValueError::new_err("the value is nested too deeply, or contains itself"));
    }
    let items = |list: Bound<'_, PyAny>| -> PyResult<Vec<Value>> {
        list.try_iter()?.map(|item| convert(&item?, depth - 1)).collect()
    };
    if value.is_none() {
        Ok(Value::Nil)
    } else if let Ok(flag) = value.cast_exact::<PyBool>() {
        Ok(Value::Bool(flag.is_true()))
    } else if let Ok(number) = value.cast_exact::<PyInt>() {
        integer(number)
    } else if let Ok(number) = value.cast_exact::<PyFloat>() {
        Ok(Value::Float(number.value()))
    } else if let Ok(string) = value.cast_exact::<PyString>() {
        match string.to_cow() {
            Ok(text) => Ok(Value::Str(text.into_owned())),
            Err(_) => {
                let bytes = string.call_method1("encode", ("utf-8", "surrogatepass"))?;
                Ok(Value::Text(bytes.cast::<PyBytes>()?.as_bytes().to_vec()))
            }
        }
    } else if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        Ok(Value::Bytes(bytes.as_bytes().to_vec()))
    } else if value.is_exact_instance_of::<PyList>() {
        Ok(Value::List(items(value.clone())?))
    } else if value.is_exact_instance_of::<PyTuple>() {
        Ok(Value::Tuple(items(value.clone())?))
    } else if value.is_exact_instance_of::<PySet>() {
        Ok(Value::Set(items(value.clone())?))
    } else if value.is_exact_instance_of::<PyFrozenSet>() {
        Ok(Value::FrozenSet(items(value.clone())?))
    } else if let Ok(dict) = value.cast_exact::<PyDict>() {
        let entry = |(key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
            Ok((convert(&key, depth - 1)?, convert(&value, depth - 1)?))
        };
        Ok(Value::Map(dict.iter().map(entry).collect::<PyResult<_>>()?))
    } else {
        calendar(value)
    }
}

fn integer(number: &Bound<'_, PyInt>) -> PyResult<Value> {
    if let Ok(small) = number.extract::<i64>() {
        return Ok(Value::Int(small));
    }
    let bits: usize = number.call_method0("bit_length")?.extract()?;
    let signed = PyDict::new(number.py());
    signed.set_item("signed", true)?;
    let bytes = number.call_method("to_bytes", (bits / 8 + 1, "little"), Some(&signed))?;
    Ok(Value::BigInt(bytes.cast::<PyBytes>()?.as_bytes().to_vec()))
}

/// The calendar types, or an error that names what cannot cross.
fn calendar(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    let kind = value.get_type();
    let module = kind.module()?;
    let name = kind.qualname()?;
    let calendar = match (module.to_cow()?.as_ref(), name.to_cow()?.as_ref()) {
        ("datetime", "datetime") => Some(DateTimeKind::DateTime),
        ("datetime", "date") => Some(DateTimeKind::Date),
        ("datetime", "time") => Some(DateTimeKind::Time),
        _ => None,
    };
    match calendar {
        Some(kind) => Ok(Value::DateTime(kind, value.call_method0("isoformat")?.extract()?)),
        None => Err(PyTypeError::new_err(format!(
            "a value of type {name} cannot cross to the host; convert it to plain data first"
        ))),
    }
}

/// A value from the host as a Python value.
pub fn from_value<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    let items = |list: &[Value]| list.iter().map(|item| from_value(py, item)).collect::<PyResult<Vec<_>>>();
    Ok(match value {
        Value::Nil => py.None().into_bound(py),
        Value::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Value::Int(number) => number.into_pyobject(py)?.into_any(),
        Value::BigInt(bytes) => {
            let signed = PyDict::new(py);
            signed.set_item("signed", true)?;
            py.get_type::<PyInt>().call_method(
                "from_bytes",
                (PyBytes::new(py, bytes), "little"),
                Some(&signed),
            )?
        }
        Value::Float(number) => PyFloat::new(py, *number).into_any(),
        Value::Str(text) => PyString::new(py, text).into_any(),
        Value::Text(bytes) => PyBytes::new(py, bytes).call_method1("decode", ("utf-8", "surrogatepass"))?,
        Value::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Value::List(list) => PyList::new(py, items(list)?)?.into_any(),
        Value::Tuple(list) => PyTuple::new(py, items(list)?)?.into_any(),
        Value::Set(list) => PySet::new(py, items(list)?)?.into_any(),
        Value::FrozenSet(list) => PyFrozenSet::new(py, items(list)?)?.into_any(),
        Value::Map(entries) => {
            let dict = PyDict::new(py);
            for (key, value) in entries {
                dict.set_item(from_value(py, key)?, from_value(py, value)?)?;
            }
            dict.into_any()
        }
        Value::DateTime(kind, text) => {
            let name = match kind {
                DateTimeKind::DateTime => "datetime",
                DateTimeKind::Date => "date",
                DateTimeKind::Time => "time",
            };
            py.import("datetime")?.getattr(name)?.call_method1("fromisoformat", (text,))?
        }
    })
}

//! The parser's door: a source as a tree, and in it `run` with its parameters.
//!
//! The tree may be as deep as the source is long, so only its top is looked at here, and expressions through functions that
//! count how deep they go.

use ruff_python_ast::{Expr, ModModule, ParameterWithDefault, Stmt, StmtFunctionDef};
use ruff_python_parser::{Mode, ParseErrorType, ParseOptions, Parsed, parse};
use ruff_text_size::Ranged;
use serde_json::{Value, json};

use super::annotation;
use super::classes::Known;
use super::docstring::AllSaid;
use super::{Source, SourceError, docstring, shadows, spoken};
use crate::skills::shape::{Parameter, Shape};

/// How deep expressions and blocks may nest; CPython's own limits are 100 for blocks and 200 for brackets.
const DEPTH: u16 = 180;

/// The longest default or annotation that a signature shows, in characters.
const SHOWN: usize = 80;

/// Reads a source of bounded size, on a stack that is large enough for it.
pub fn read(source: &str) -> Result<Source, SourceError> {
    let (source, parsed) = parsed(source)?;
    of_module(source, parsed.syntax())
}

/// A source as a tree with its tokens, on such a stack; and the text that its places count in.
pub(super) fn parsed(source: &str) -> Result<(&str, Parsed<ModModule>), SourceError> {
    // Python skips a byte order mark, and refuses a NUL wherever it stands.
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    if let Some(at) = source.find('\0') {
        let (line, column) = place(source, at);
        return Err(SourceError::Syntax {
            line,
            column,
            message: "source code cannot contain null bytes".to_owned(),
        });
    }
    let options = ParseOptions::from(Mode::Module).with_max_recursion_depth(DEPTH);
    let parsed = parse(source, options).map_err(|error| {
        let (line, column) = place(source, error.location.start().to_usize());
        match error.error {
            ParseErrorType::RecursionLimitExceeded => SourceError::TooDeep { line },
            what => SourceError::Syntax { line, column, message: what.to_string() },
        }
    })?;
    Ok((source, parsed.try_into_module().ok_or(SourceError::Host)?))
}

/// A source without docstrings, and from its first statement on.
pub fn code(source: &str) -> Option<String> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let options = ParseOptions::from(Mode::Module).with_max_recursion_depth(DEPTH);
    let module = parse(source, options).ok()?.try_into_module()?.into_syntax();
    let mut docs = Vec::new();
    docs.extend(doc(&module.body).and(module.body.first()));
    for statement in &module.body {
        let body = match statement {
            Stmt::FunctionDef(function) => &function.body,
            Stmt::ClassDef(class) => &class.body,
            _ => continue,
        };
        docs.extend(doc(body).and(body.first()));
    }
    let (mut text, mut at) =
        (String::new(), module.body.first().map_or(0, |first| first.range().start().to_usize()));
    for range in docs.iter().map(|statement| statement.range()) {
        text.push_str(source.get(at..range.start().to_usize())?);
        at = range.end().to_usize();
    }
    text.push_str(source.get(at..)?);
    Some(text)
}

fn of_module(source: &str, module: &ModModule) -> Result<Source, SourceError> {
    // Python takes the last definition of a name.
    let run = module.body.iter().rev().find_map(|statement| match statement {
        Stmt::FunctionDef(function) if function.name.as_str() == "run" => Some(function),
        _ => None,
    });
    let run = run.ok_or(SourceError::NoRun)?;
    shadows::refuse(source, &module.body, run)?;
    let of_the_module = doc(&module.body).map(docstring::clean);
    let of_run = doc(&run.body).map(docstring::clean);
    let mut described = of_run.as_deref().map(docstring::parameters).unwrap_or_default();
    for (name, words) in of_the_module.as_deref().map(docstring::parameters).unwrap_or_default() {
        described.entry(name).or_insert(words);
    }
    let texts = [of_the_module, of_run];
    let description =
        texts.iter().flatten().map(|text| docstring::summary(text)).find(|text| !text.is_empty());
    let known = Known::of(&module.body);
    Ok(Source {
        shape: shape(source, run, &described, &known)?,
        description: description.unwrap_or_default(),
    })
}

fn shape(
    source: &str,
    run: &StmtFunctionDef,
    described: &AllSaid,
    known: &Known<'_>,
) -> Result<Shape, SourceError> {
    let given = &run.parameters;
    if let Some(first) = given.posonlyargs.first() {
        return Err(SourceError::PositionalOnly(first.name().to_string()));
    }
    let mut parameters: Vec<Parameter> = Vec::new();
    for (at, each) in given.args.iter().chain(&given.kwonlyargs).enumerate() {
        let mut made = parameter(source, each, described, known);
        made.keyword_only = at >= given.args.len();
        if parameters.iter().any(|other| other.name == made.name) {
            return Err(SourceError::Twice(made.name));
        }
        parameters.push(made);
    }
    let returns = run.returns.as_deref();
    let returns_schema = returns.map(|returns| annotation::schema(returns, known)).unwrap_or(Value::Null);
    Ok(Shape {
        parameters,
        rest: given.vararg.as_ref().map(|rest| {
            let annotation = rest.annotation().map(|each| format!(": {}", shown(source, each)));
            format!("{}{}", rest.name, annotation.unwrap_or_default())
        }),
        open: given.kwarg.is_some(),
        returns: returns.map(|returns| shown(source, returns)),
        returns_schema: if returns_schema == json!({}) { Value::Null } else { returns_schema },
        is_async: run.is_async,
        dependencies: Vec::new(),
        requires_python: None,
    })
}

fn parameter(
    source: &str,
    given: &ParameterWithDefault,
    described: &AllSaid,
    known: &Known<'_>,
) -> Parameter {
    let name = given.name().to_string();
    let annotation = given.parameter.annotation();
    let said = described.get(&name).cloned().unwrap_or_default();
    let mut schema = match annotation {
        Some(annotation) => annotation::schema(annotation, known),
        None => spoken::schema(&said.kind, known),
    };
    let mut description = said.words;
    if description.is_empty() {
        description = annotation.and_then(annotation::said).unwrap_or_default().to_owned();
    }
    if !description.is_empty() {
        schema["description"] = description.as_str().into();
    }
    let default = given.default();
    if let Some(value) = default.and_then(|default| known.value(default)) {
        schema["default"] = value;
    }
    Parameter {
        name,
        annotation: annotation.map(|annotation| shown(source, annotation)),
        required: default.is_none(),
        keyword_only: false,
        default: default.map(|default| shown(source, default)),
        description,
        schema,
    }
}

/// The docstring of a body.
pub(super) fn doc(body: &[Stmt]) -> Option<&str> {
    match body.first() {
        Some(Stmt::Expr(first)) => match first.value.as_ref() {
            Expr::StringLiteral(text) => Some(text.value.to_str()),
            _ => None,
        },
        _ => None,
    }
}

/// An expression as it is written, in one line.
fn shown(source: &str, expression: &Expr) -> String {
    let range = expression.range();
    let text = source.get(range.start().to_usize()..range.end().to_usize()).unwrap_or("...");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() > SHOWN { "...".to_owned() } else { text }
}

/// Line and column of a place, from 1.
pub(super) fn place(source: &str, at: usize) -> (usize, usize) {
    let before = source.get(..at.min(source.len())).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

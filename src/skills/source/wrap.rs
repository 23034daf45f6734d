//! A skill made from a cell: its code becomes the body of `run`, what it needs of earlier cells comes with it.
//!
//! Imports, functions and classes of earlier cells are taken over, variables become parameters: one that was given a plain value
//! has that as its default. A cell that defines `run` itself is taken as it is, without what only tried it out.

use std::collections::BTreeSet;

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{Expr, ModModule, Stmt};
use ruff_python_parser::Parsed;
use ruff_text_size::Ranged;
use serde_json::{Map, Value};

use super::annotation::literal;
use super::scope::{Names, names_of};
use super::{LARGEST, SourceError, deeply, read, syntax};

/// The longest plain value that becomes a default, in characters.
const DEFAULT: usize = 1_000;

/// A skill's source.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// It.
    pub source: String,
    /// The variables that are parameters now.
    pub parameters: Vec<String>,
    /// The arguments with which it does what the cell did, where they are known.
    pub arguments: Option<Map<String, Value>>,
}

/// Why a cell cannot become a skill.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum WrapError {
    /// It is no Python that can be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is nothing in it.
    #[error("it holds no code")]
    Empty,
    /// Something in it means another thing in a function.
    #[error("{0}")]
    Obstacle(String),
    /// It defines `run`, which needs a variable of the session.
    #[error("its `run` uses `{0}`, a variable of the session; make it a parameter of run")]
    Variable(String),
    /// What came of it is no skill.
    #[error("what came of it is no skill: {0}")]
    NoSkill(SourceError),
}

/// Makes a source from a cell and those that ran before it, the newest first.
pub fn of_cell(code: &str, before: &[&str]) -> Result<Made, WrapError> {
    if code.len() > LARGEST {
        return Err(SourceError::TooLarge { bytes: code.len() }.into());
    }
    let code = dedented(code);
    let made = deeply(|| Ok(wrap(&code, before)))??;
    read(&made.source).map_err(WrapError::NoSkill)?;
    Ok(made)
}

fn wrap(code: &str, before: &[&str]) -> Result<Made, WrapError> {
    let (text, parsed) = syntax::parsed(code)?;
    let body = &parsed.syntax().body;
    if body.is_empty() {
        return Err(WrapError::Empty);
    }
    let earlier = Earlier::of(before);
    let defines_run =
        body.iter().any(|each| matches!(each, Stmt::FunctionDef(f) if f.name.as_str() == "run"));
    if defines_run { module(text, body, &earlier) } else { function(text, &parsed, &earlier) }
}

/// A cell that is a module already.
fn module(text: &str, body: &[Stmt], earlier: &Earlier) -> Result<Made, WrapError> {
    let tries_out = |at: usize, statement: &Stmt| match statement {
        Stmt::Expr(_) => at > 0 || syntax::doc(body).is_none(),
        Stmt::Assign(_) | Stmt::AnnAssign(_) | Stmt::AugAssign(_) => {
            names_of([statement]).needed.iter().any(|name| name == "run")
        }
        _ => false,
    };
    let kept: Vec<&Stmt> =
        body.iter().enumerate().filter(|(at, each)| !tries_out(*at, each)).map(|(_, each)| each).collect();
    let names = names_of(kept.iter().copied());
    if let Some(obstacle) = names.obstacle.filter(|what| what.contains('*')) {
        return Err(WrapError::Obstacle(obstacle));
    }
    let taken = earlier.take(&names.needed);
    if let Some(variable) = taken.variables.first() {
        return Err(WrapError::Variable(variable.0.clone()));
    }
    let mut source = taken.prelude();
    let mut end = None;
    for statement in kept {
        // What stood between two statements, such as comments, stays between them.
        let start = statement.range().start().to_usize();
        let between = end.map_or("", |end: usize| text.get(end..start).unwrap_or("\n"));
        let is_blank =
            between.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        source.push_str(match end {
            None => "",
            Some(_) if is_blank && between.contains('\n') => between,
            Some(_) => "\n\n\n",
        });
        source.push_str(slice(text, statement));
        end = Some(statement.range().end().to_usize());
    }
    source.push('\n');
    Ok(Made {
        source,
        parameters: Vec::new(),
        arguments: body.last().and_then(|last| tried_with(last, body)),
    })
}

/// The arguments with which the last statement calls `run`, where they are plain values.
fn tried_with(last: &Stmt, body: &[Stmt]) -> Option<Map<String, Value>> {
    let value = match last {
        Stmt::Expr(last) => last.value.as_ref(),
        _ => return None,
    };
    let value = match value {
        Expr::Await(awaited) => awaited.value.as_ref(),
        plain => plain,
    };
    let Expr::Call(call) = value else { return None };
    if !matches!(call.func.as_ref(), Expr::Name(name) if name.id.as_str() == "run") {
        return None;
    }
    let run = body.iter().rev().find_map(|each| match each {
        Stmt::FunctionDef(function) if function.name.as_str() == "run" => Some(function),
        _ => None,
    })?;
    let mut arguments = Map::new();
    for (at, given) in call.arguments.args.iter().enumerate() {
        let parameter = run.parameters.args.get(at)?;
        arguments.insert(parameter.name().to_string(), literal(given)?);
    }
    for keyword in &call.arguments.keywords {
        arguments.insert(keyword.arg.as_ref()?.to_string(), literal(&keyword.value)?);
    }
    Some(arguments)
}

/// A cell whose code becomes the body of `run`.
fn function(text: &str, parsed: &Parsed<ModModule>, earlier: &Earlier) -> Result<Made, WrapError> {
    let body = &parsed.syntax().body;
    let names: Names = names_of(body);
    if let Some(obstacle) = names.obstacle {
        return Err(WrapError::Obstacle(obstacle));
    }
    let taken = earlier.take(&names.needed);
    let hoisted = hoisted(text, body);
    let inside = body.get(hoisted..).unwrap_or_default();
    let mut source = match body.first().filter(|_| hoisted > 0) {
        // The docstring and imports stand first, as in any module.
        Some(first) => {
            let end = body[hoisted - 1].range().end().to_usize();
            format!("{}\n", text.get(first.range().start().to_usize()..end).unwrap_or_default())
        }
        None => String::new(),
    };
    source.push_str(&taken.prelude());
    if !source.is_empty() {
        source.push_str("\n\n");
    }
    let written: Vec<String> = taken.variables.iter().map(Variable::written).collect();
    let word = if names.awaits { "async def" } else { "def" };
    source.push_str(&format!("{word} run({}):\n", written.join(", ")));
    if inside.is_empty() {
        source.push_str("    return None\n");
    }
    let start = inside.first().map_or(text.len(), |first| line_start(text, first.range().start().to_usize()));
    let returned = match inside.last() {
        Some(Stmt::Expr(last)) => Some(last.range().start().to_usize()),
        _ => None,
    };
    let inner: Vec<(usize, usize)> = parsed
        .tokens()
        .iter()
        .filter(|token| {
            matches!(token.kind(), TokenKind::String | TokenKind::FStringMiddle | TokenKind::TStringMiddle)
        })
        .map(|token| (token.range().start().to_usize(), token.range().end().to_usize()))
        .collect();
    let mut at = start;
    for line in text.get(start..).unwrap_or_default().split_inclusive('\n') {
        let is_in_text = inner.iter().any(|(from, to)| *from < at && at <= *to);
        if !is_in_text && !line.trim().is_empty() {
            source.push_str("    ");
        }
        match returned.filter(|place| (at..at + line.len()).contains(place)) {
            Some(place) => {
                let (head, tail) = line.split_at(place - at);
                source.push_str(&format!("{head}return {tail}"));
            }
            None => source.push_str(line),
        }
        at += line.len();
    }
    if !source.ends_with('\n') {
        source.push('\n');
    }
    let is_whole = taken.variables.iter().all(|variable| variable.1.is_some());
    Ok(Made {
        source,
        parameters: taken.variables.into_iter().map(|variable| variable.0).collect(),
        arguments: is_whole.then(Map::new),
    })
}

/// How many statements at the head are a docstring or imports on lines of their own.
fn hoisted(text: &str, body: &[Stmt]) -> usize {
    let is_head = |at: usize, statement: &Stmt| match statement {
        Stmt::Import(_) | Stmt::ImportFrom(_) => true,
        // The last expression is the cell's value.
        Stmt::Expr(_) => at == 0 && body.len() > 1 && syntax::doc(body).is_some(),
        _ => false,
    };
    let mut many = body.iter().enumerate().take_while(|(at, each)| is_head(*at, each)).count();
    while let (Some(before), Some(after)) = (many.checked_sub(1).and_then(|at| body.get(at)), body.get(many))
    {
        let between = text.get(before.range().end().to_usize()..after.range().start().to_usize());
        if between.is_some_and(|between| between.contains('\n')) {
            break;
        }
        many -= 1;
    }
    many
}

/// A variable, and the plain value that it was given.
#[derive(Debug)]
struct Variable(String, Option<(String, Value)>);

impl Variable {
    fn written(&self) -> String {
        let Some((text, value)) = &self.1 else { return self.0.clone() };
        let kind = match value {
            Value::String(_) => ": str",
            Value::Bool(_) => ": bool",
            Value::Number(number) if number.is_f64() => ": float",
            Value::Number(_) => ": int",
            Value::Array(_) => ": list",
            Value::Object(_) => ": dict",
            Value::Null => return format!("{}={text}", self.0),
        };
        format!("{}{kind} = {text}", self.0)
    }
}

/// What a skill takes over from earlier cells.
#[derive(Debug, Default)]
struct Taken {
    imports: Vec<String>,
    definitions: Vec<String>,
    variables: Vec<Variable>,
}

impl Taken {
    fn prelude(&self) -> String {
        let mut text: String = self.imports.iter().map(|line| format!("{line}\n")).collect();
        for definition in &self.definitions {
            text.push_str(if text.is_empty() { "" } else { "\n\n" });
            text.push_str(&format!("{definition}\n"));
        }
        if !self.definitions.is_empty() {
            text.push_str("\n\n");
        }
        text
    }
}

/// The cells that ran before, the newest first.
struct Earlier<'a> {
    cells: Vec<(&'a str, Parsed<ModModule>)>,
}

impl<'a> Earlier<'a> {
    fn of(before: &[&'a str]) -> Self {
        let read = |code: &&'a str| if code.len() > LARGEST { None } else { syntax::parsed(code).ok() };
        Self { cells: before.iter().filter_map(read).collect() }
    }

    /// What gives these names their meaning.
    fn take(&self, needed: &[String]) -> Taken {
        let mut taken = Taken::default();
        let mut known: BTreeSet<String> = BTreeSet::new();
        let mut open: Vec<String> = needed.iter().rev().cloned().collect();
        while let Some(name) = open.pop() {
            if !known.insert(name.clone()) {
                continue;
            }
            match self.find(&name) {
                Some((text, statement @ (Stmt::Import(_) | Stmt::ImportFrom(_)))) => {
                    let line = slice(text, statement).to_owned();
                    if !taken.imports.contains(&line) {
                        taken.imports.push(line);
                    }
                }
                Some((text, statement @ (Stmt::FunctionDef(_) | Stmt::ClassDef(_)))) => {
                    let names = names_of([statement]);
                    open.extend(names.needed.into_iter().filter(|other| *other != name));
                    // What it builds upon stands before it.
                    taken.definitions.insert(0, slice(text, statement).to_owned());
                }
                Some((text, Stmt::Assign(assign))) => {
                    let written = slice(text, assign.value.as_ref());
                    let value = literal(&assign.value)
                        .filter(|_| written.len() <= DEFAULT && !written.contains('\n'));
                    taken.variables.push(Variable(name, value.map(|value| (written.to_owned(), value))));
                }
                _ => taken.variables.push(Variable(name, None)),
            }
        }
        // Those without a default come first.
        taken.variables.sort_by_key(|variable| variable.1.is_some());
        taken
    }

    /// The statement that gave a name its meaning last.
    fn find(&self, name: &str) -> Option<(&'a str, &Stmt)> {
        let bound = |statement: &&Stmt| names_of([*statement]).bound.contains(name);
        self.cells
            .iter()
            .find_map(|(text, parsed)| Some((*text, parsed.syntax().body.iter().rev().find(bound)?)))
    }
}

fn slice<'a>(text: &'a str, part: &impl Ranged) -> &'a str {
    let range = part.range();
    text.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default()
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1)
}

/// Without the indentation that all lines have, as sessions take cells.
fn dedented(code: &str) -> String {
    let indent = |line: &&str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let lines = || code.lines().filter(|line| !line.trim().is_empty());
    let common = lines().map(|line| indent(&line)).min().unwrap_or(0);
    if common == 0 {
        return code.to_owned();
    }
    let cut = |line: &str| line.get(common.min(indent(&line))..).unwrap_or_default().to_owned();
    code.lines().map(cut).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;

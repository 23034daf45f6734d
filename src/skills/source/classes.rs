//! Classes and aliases that a file defines and its annotations name: TypedDict, dataclass, NamedTuple, Enum.
//!
//! Only what stands at the top of the file counts; a class that names itself ends where the depth does.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use ruff_python_ast::{Expr, Stmt, StmtClassDef};
use serde_json::{Map, Value, json};

use super::annotation::{choice, last_name, literal, of};
use super::{docstring, syntax};

/// What a file defines.
pub struct Known<'a> {
    classes: HashMap<&'a str, &'a StmtClassDef>,
    aliases: HashMap<&'a str, &'a Expr>,
    renamed: HashMap<&'a str, &'a str>,
    budget: Cell<u32>,
    open: RefCell<Vec<String>>,
}

/// How many annotations are looked at in one file: classes that name each other would multiply.
const BUDGET: u32 = 2_000;

/// What a class is to those who call `run`.
enum Kind {
    /// An object with keys; the second word says whether all are required.
    Object(Total),
    /// One of some values.
    Choice,
    /// Nothing that is known.
    Other,
}

enum Total {
    Yes,
    No,
}

impl<'a> Known<'a> {
    /// What stands at the top of a file.
    pub fn of(body: &'a [Stmt]) -> Self {
        let mut known = Self {
            classes: HashMap::new(),
            aliases: HashMap::new(),
            renamed: HashMap::new(),
            budget: Cell::new(BUDGET),
            open: RefCell::default(),
        };
        for statement in body {
            match statement {
                Stmt::ClassDef(class) => drop(known.classes.insert(class.name.as_str(), class)),
                Stmt::Assign(assign) => {
                    if let [Expr::Name(name)] = assign.targets.as_slice() {
                        known.aliases.insert(name.id.as_str(), &assign.value);
                    }
                }
                Stmt::AnnAssign(assign) => {
                    if let (Expr::Name(name), Some(value)) = (assign.target.as_ref(), &assign.value) {
                        known.aliases.insert(name.id.as_str(), value);
                    }
                }
                Stmt::ImportFrom(import) => {
                    for each in &import.names {
                        if let Some(other) = &each.asname {
                            known.renamed.insert(other.as_str(), each.name.as_str());
                        }
                    }
                }
                Stmt::TypeAlias(alias) => {
                    if let Expr::Name(name) = alias.name.as_ref() {
                        known.aliases.insert(name.id.as_str(), &alias.value);
                    }
                }
                _ => {}
            }
        }
        known
    }

    /// The name under which something was imported: `Iterable` for `It` after `from typing import Iterable as It`.
    pub fn imported<'b>(&'b self, name: &'b str) -> &'b str {
        self.renamed.get(name).copied().unwrap_or(name)
    }

    /// The value of a literal, or of a member of an enum of the file.
    pub fn value(&self, expression: &Expr) -> Option<Value> {
        if let Expr::Attribute(member) = expression
            && let Expr::Name(class) = member.value.as_ref()
            && let Some(class) = self.classes.get(class.id.as_str())
            && matches!(self.kind(class, 12), Kind::Choice)
        {
            let mut members = self.members(class)?.into_iter();
            return members.find(|(name, _)| *name == member.attr.as_str()).map(|(_, value)| value);
        }
        literal(expression)
    }

    /// The members of an enum and their values; nothing where one of them is computed.
    fn members<'b>(&self, class: &'b StmtClassDef) -> Option<Vec<(&'b str, Value)>> {
        let is_text = bases(class).any(|base| self.imported(base) == "StrEnum");
        let mut found: Vec<(&str, Value)> = Vec::new();
        for statement in &class.body {
            let (target, value) = match statement {
                Stmt::Assign(assign) => match assign.targets.as_slice() {
                    [target] => (target, &assign.value),
                    _ => return None,
                },
                Stmt::AnnAssign(assign) => match &assign.value {
                    Some(value) => (assign.target.as_ref(), value),
                    None => continue,
                },
                _ => continue,
            };
            let Expr::Name(name) = target else { return None };
            let name = name.id.as_str();
            if name.starts_with('_') {
                continue;
            }
            let is_automatic =
                matches!(value.as_ref(), Expr::Call(call) if last_name(&call.func) == Some("auto"));
            let value = match (is_automatic, found.last()) {
                (true, _) if is_text => Value::from(name.to_lowercase()),
                (true, None) => Value::from(1),
                (true, Some((_, last))) => Value::from(last.as_i64()? + 1),
                (false, _) => literal(value).filter(|value| !value.is_array() && !value.is_object())?,
            };
            found.push((name, value));
        }
        (!found.is_empty()).then_some(found)
    }

    /// Whether one more annotation may be looked at.
    pub fn goes_on(&self) -> bool {
        let left = self.budget.get();
        self.budget.set(left.saturating_sub(1));
        left > 0
    }

    /// The schema of a class or alias of the file.
    pub fn schema(&self, name: &str, depth: usize) -> Option<Value> {
        if let Some(class) = self.classes.get(name) {
            // What a class says of itself inside itself ends there.
            if self.open.borrow().iter().any(|open| open == name) || !self.goes_on() {
                return Some(json!({}));
            }
            self.open.borrow_mut().push(name.to_owned());
            let schema = self.class(class, depth);
            self.open.borrow_mut().pop();
            return Some(schema);
        }
        // An alias is an annotation with another name; a value that is none says nothing.
        self.aliases.get(name).map(|alias| of(alias, self, depth - 1))
    }

    fn class(&self, class: &StmtClassDef, depth: usize) -> Value {
        let mut schema = match self.kind(class, depth) {
            Kind::Choice => match self.members(class) {
                Some(members) => choice(members.into_iter().map(|(_, value)| value).collect()),
                None => return json!({}),
            },
            Kind::Object(total) => self.object(class, &total, depth),
            Kind::Other => return json!({}),
        };
        if let Some(line) =
            syntax::doc(&class.body).map(docstring::clean).as_deref().and_then(|text| text.lines().next())
        {
            schema["description"] = line.into();
        }
        schema
    }

    fn object(&self, class: &StmtClassDef, total: &Total, depth: usize) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for base in bases(class) {
            // What a class inherits from another of the file is its own too.
            if let Some(base) = self.classes.get(base)
                && depth > 1
                && let Value::Object(inherited) = self.class(base, depth - 1)
            {
                if let Some(Value::Object(more)) = inherited.get("properties") {
                    properties.extend(more.clone());
                }
                if let Some(Value::Array(more)) = inherited.get("required") {
                    required.extend(more.clone());
                }
            }
        }
        let fields = class.body.iter().filter_map(|statement| match statement {
            Stmt::AnnAssign(field) => match field.target.as_ref() {
                Expr::Name(name) => Some((name.id.as_str(), field)),
                _ => None,
            },
            _ => None,
        });
        for (name, field) in fields {
            let wrapper = subscripted(&field.annotation);
            if wrapper == Some("ClassVar") {
                continue;
            }
            let mut schema = of(&field.annotation, self, depth - 1);
            if let Some(default) = field.value.as_deref().and_then(|value| self.value(value)) {
                schema["default"] = default;
            }
            properties.insert(name.to_owned(), schema);
            let optional =
                wrapper == Some("NotRequired") || matches!(total, Total::No) && wrapper != Some("Required");
            if field.value.is_none() && !optional {
                required.push(name.into());
            }
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        schema
    }

    fn kind(&self, class: &StmtClassDef, depth: usize) -> Kind {
        let is_dataclass = class.decorator_list.iter().any(|decorator| match &decorator.expression {
            Expr::Call(call) => last_name(&call.func) == Some("dataclass"),
            other => last_name(other) == Some("dataclass"),
        });
        if is_dataclass {
            return Kind::Object(Total::Yes);
        }
        for base in bases(class) {
            match self.imported(base) {
                "Enum" | "IntEnum" | "StrEnum" => return Kind::Choice,
                "TypedDict" => {
                    let partial = class.arguments.as_ref().is_some_and(|arguments| {
                        let total = arguments
                            .keywords
                            .iter()
                            .find(|each| each.arg.as_ref().is_some_and(|arg| arg == "total"));
                        total.is_some_and(|total| literal(&total.value) == Some(Value::Bool(false)))
                    });
                    return Kind::Object(if partial { Total::No } else { Total::Yes });
                }
                "NamedTuple" | "BaseModel" => return Kind::Object(Total::Yes),
                other => {
                    if let Some(other) = self.classes.get(other).filter(|_| depth > 1) {
                        match self.kind(other, depth - 1) {
                            Kind::Other => {}
                            kind => return kind,
                        }
                    }
                }
            }
        }
        Kind::Other
    }
}

fn bases(class: &StmtClassDef) -> impl Iterator<Item = &str> {
    class.arguments.iter().flat_map(|arguments| arguments.args.iter()).filter_map(last_name)
}

fn subscripted(annotation: &Expr) -> Option<&str> {
    match annotation {
        Expr::Subscript(subscript) => last_name(&subscript.value),
        other => last_name(other),
    }
}

//! Which names a piece of Python binds and which it needs from elsewhere, as far as that can be told without running it.
//!
//! The top of a piece is read in order, so that a name that is used before it is bound counts as needed. A function is read
//! whole, as Python does: what it binds anywhere is its own.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_alias, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{Comprehension, Expr, ExprContext, Parameters, Pattern, Stmt};

/// What every module has.
const BUILTINS: &str = "ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError \
    BrokenPipeError BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError \
    ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError Ellipsis EncodingWarning \
    EnvironmentError Exception ExceptionGroup False FileExistsError FileNotFoundError FloatingPointError \
    FutureWarning GeneratorExit IOError ImportError ImportWarning IndentationError IndexError \
    InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError \
    ModuleNotFoundError NameError None NotADirectoryError NotImplemented NotImplementedError OSError \
    OverflowError PendingDeprecationWarning PermissionError ProcessLookupError PythonFinalizationError \
    RecursionError ReferenceError ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration \
    StopIteration SyntaxError SyntaxWarning SystemError SystemExit TabError TimeoutError True TypeError \
    UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError \
    UnicodeWarning UserWarning ValueError Warning ZeroDivisionError abs aiter all anext any ascii bin \
    bool breakpoint bytearray bytes callable chr classmethod compile complex delattr dict dir divmod \
    enumerate eval exec filter float format frozenset getattr globals hasattr hash help hex id input int \
    isinstance issubclass iter len list locals map max memoryview min next object oct open ord pow print \
    property range repr reversed round set setattr slice sorted staticmethod str sum super tuple type \
    vars zip exit quit \
    __name__ __file__ __doc__ __builtins__ __debug__ __import__";

/// What every session has beside them.
const SESSION: &str = "tools skills artifacts deps display progress ask llm ToolError ToolNotFoundError ToolArgumentError \
    ToolDeniedError ToolUnavailableError ToolTimeoutError SkillError SkillNotFoundError SkillSourceError \
    SkillArgumentError SkillDepthError ArtifactError ArtifactNotFoundError ArtifactNameError ArtifactTypeError ArtifactExistsError \
    ArtifactQuotaError \
    ArtifactDamagedError";

/// What was found.
#[derive(Debug, Default)]
pub struct Names {
    /// Bound at the top.
    pub bound: BTreeSet<String>,
    /// Needed from elsewhere, in the order in which they are met.
    pub needed: Vec<String>,
    /// Whether something is awaited at the top.
    pub awaits: bool,
    /// What keeps the piece from becoming the body of a function.
    pub obstacle: Option<String>,
}

/// Reads statements.
pub fn names_of<'a>(statements: impl IntoIterator<Item = &'a Stmt>) -> Names {
    let mut reader = Reader::new(Order::Sequence);
    for statement in statements {
        reader.visit_stmt(statement);
    }
    let needed = reader.needed();
    Names { bound: reader.bound, needed, awaits: reader.awaits, obstacle: reader.obstacle }
}

/// Whether every session and module has this name.
pub fn stands_ready(name: &str) -> bool {
    BUILTINS.split_whitespace().chain(SESSION.split_whitespace()).any(|known| known == name)
}

/// When a name counts as bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// From where it is bound on.
    Sequence,
    /// Everywhere.
    Whole,
}

#[derive(Debug)]
struct Reader {
    order: Order,
    bound: BTreeSet<String>,
    loads: Vec<String>,
    /// Loads of functions, which happen later.
    later: Vec<String>,
    awaits: bool,
    obstacle: Option<String>,
}

impl Reader {
    fn new(order: Order) -> Self {
        Self {
            order,
            bound: BTreeSet::new(),
            loads: Vec::new(),
            later: Vec::new(),
            awaits: false,
            obstacle: None,
        }
    }

    fn needed(&self) -> Vec<String> {
        let mut needed: Vec<String> = Vec::new();
        let early =
            self.loads.iter().filter(|name| self.order == Order::Sequence || !self.bound.contains(*name));
        let later = self.later.iter().filter(|name| !self.bound.contains(*name));
        for name in early.chain(later) {
            if !needed.contains(name) && !stands_ready(name) {
                needed.push(name.clone());
            }
        }
        needed
    }

    fn load(&mut self, name: &str) {
        if !self.bound.contains(name) {
            self.loads.push(name.to_owned());
        }
    }

    /// A function's parameters, without what is read where it is made.
    fn bind_parameters(&mut self, parameters: &Parameters) {
        for parameter in parameters {
            self.bound.insert(parameter.name().to_string());
        }
    }

    /// What is read where a function is made.
    fn read_defaults(&mut self, parameters: &Parameters) {
        for parameter in parameters.iter_non_variadic_params() {
            if let Some(default) = parameter.default() {
                self.visit_expr(default);
            }
        }
        for parameter in parameters {
            if let Some(annotation) = parameter.annotation() {
                self.visit_expr(annotation);
            }
        }
    }

    fn take_later(&mut self, inner: Self) {
        self.later.extend(inner.needed());
        self.obstacle = self.obstacle.take().or(inner.obstacle);
    }

    /// What a comprehension needs is needed here and now.
    fn comprehension<'a>(&mut self, generators: &'a [Comprehension], results: &[&'a Expr]) {
        let mut inner = Self::new(Order::Sequence);
        for generator in generators {
            inner.visit_expr(&generator.iter);
            inner.visit_expr(&generator.target);
            generator.ifs.iter().for_each(|test| inner.visit_expr(test));
            self.awaits |= generator.is_async;
        }
        results.iter().for_each(|result| inner.visit_expr(result));
        self.awaits |= inner.awaits;
        self.obstacle = self.obstacle.take().or(inner.obstacle.take());
        inner.loads.iter().for_each(|name| self.load(name));
        let later: Vec<String> =
            inner.later.iter().filter(|name| !inner.bound.contains(*name)).cloned().collect();
        self.later.extend(later);
    }
}

impl<'a> Visitor<'a> for Reader {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => {
                function.decorator_list.iter().for_each(|decorator| self.visit_expr(&decorator.expression));
                self.read_defaults(&function.parameters);
                function.returns.iter().for_each(|returns| self.visit_expr(returns));
                self.bound.insert(function.name.to_string());
                let mut inner = Self::new(Order::Whole);
                inner.bind_parameters(&function.parameters);
                inner.visit_body(&function.body);
                self.take_later(inner);
            }
            Stmt::ClassDef(class) => {
                class.decorator_list.iter().for_each(|decorator| self.visit_expr(&decorator.expression));
                class.arguments.iter().for_each(|arguments| self.visit_arguments(arguments));
                let mut inner = Self::new(Order::Sequence);
                inner.visit_body(&class.body);
                inner.loads.iter().for_each(|name| self.load(name));
                self.later.append(&mut inner.later);
                self.obstacle = self.obstacle.take().or(inner.obstacle);
                self.bound.insert(class.name.to_string());
            }
            Stmt::AugAssign(assign) => {
                if let Expr::Name(name) = assign.target.as_ref() {
                    self.load(name.id.as_str());
                }
                self.visit_expr(&assign.value);
                self.visit_expr(&assign.target);
            }
            Stmt::ImportFrom(import) if import.names.iter().any(|alias| alias.name.as_str() == "*") => {
                self.obstacle
                    .get_or_insert_with(|| "it imports `*`; import the names that it needs".to_owned());
            }
            Stmt::Global(names) => {
                let name = names.names.first().map(ToString::to_string).unwrap_or_default();
                self.obstacle.get_or_insert_with(|| {
                    format!("it says `global {name}`; hand the value over as an argument")
                });
            }
            Stmt::Try(tried) => {
                self.visit_body(&tried.body);
                for handler in &tried.handlers {
                    let ruff_python_ast::ExceptHandler::ExceptHandler(handler) = handler;
                    handler.type_.iter().for_each(|kind| self.visit_expr(kind));
                    self.bound.extend(handler.name.iter().map(ToString::to_string));
                    self.visit_body(&handler.body);
                }
                self.visit_body(&tried.orelse);
                self.visit_body(&tried.finalbody);
            }
            Stmt::For(each) => {
                self.awaits |= each.is_async;
                walk_stmt(self, statement);
            }
            Stmt::With(with) => {
                self.awaits |= with.is_async;
                walk_stmt(self, statement);
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) => match name.ctx {
                ExprContext::Store => drop(self.bound.insert(name.id.to_string())),
                ExprContext::Load | ExprContext::Del | ExprContext::Invalid => self.load(name.id.as_str()),
            },
            Expr::Lambda(lambda) => {
                let mut inner = Self::new(Order::Whole);
                if let Some(parameters) = &lambda.parameters {
                    self.read_defaults(parameters);
                    inner.bind_parameters(parameters);
                }
                inner.visit_expr(&lambda.body);
                self.take_later(inner);
            }
            Expr::ListComp(made) => self.comprehension(&made.generators, &[&made.elt]),
            Expr::SetComp(made) => self.comprehension(&made.generators, &[&made.elt]),
            Expr::Generator(made) => self.comprehension(&made.generators, &[&made.elt]),
            Expr::DictComp(made) => {
                let key = made.key.as_ref().into_iter().map(AsRef::as_ref);
                let results: Vec<&Expr> = key.chain([made.value.as_ref()]).collect();
                self.comprehension(&made.generators, &results);
            }
            Expr::Await(_) => {
                self.awaits = true;
                walk_expr(self, expression);
            }
            _ => walk_expr(self, expression),
        }
    }

    fn visit_alias(&mut self, alias: &'a ruff_python_ast::Alias) {
        let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
        self.bound.insert(name.split('.').next().unwrap_or(name).to_owned());
        walk_alias(self, alias);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(found) => found.name.as_ref(),
            Pattern::MatchStar(found) => found.name.as_ref(),
            Pattern::MatchMapping(found) => found.rest.as_ref(),
            _ => None,
        };
        self.bound.extend(name.map(ToString::to_string));
        walk_pattern(self, pattern);
    }
}

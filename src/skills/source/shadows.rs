//! Names of a file that hide what a skill needs: the session's own objects, and `run` itself.

use ruff_python_ast::{Alias, Expr, Stmt, StmtFunctionDef};
use ruff_text_size::Ranged;

use super::SourceError;
use super::annotation::last_name;
use super::syntax::place;

/// What stands ready in every session and a skill is written with.
const OBJECTS: [&str; 4] = ["tools", "skills", "artifacts", "deps"];

/// Refuses a module in which such a name is bound at its top or as a parameter of `run`, and one that defines `run` twice.
pub fn refuse(source: &str, body: &[Stmt], run: &StmtFunctionDef) -> Result<(), SourceError> {
    let given = &run.parameters;
    let parameters = given.iter_non_variadic_params().map(|each| &each.parameter);
    let parameters = parameters.chain(given.vararg.as_deref()).chain(given.kwarg.as_deref());
    for parameter in parameters {
        check(source, parameter.name.as_str(), parameter)?;
    }
    let mut first: Option<usize> = None;
    for statement in body {
        match statement {
            Stmt::FunctionDef(function) => {
                check(source, function.name.as_str(), &function.name)?;
                let is_overload = function
                    .decorator_list
                    .iter()
                    .any(|each| last_name(&each.expression) == Some("overload"));
                if function.name.as_str() == "run" && !is_overload {
                    let (line, _) = place(source, function.name.start().to_usize());
                    if let Some(first) = first.replace(line) {
                        return Err(SourceError::RunTwice { first, line });
                    }
                }
            }
            Stmt::ClassDef(class) => check(source, class.name.as_str(), &class.name)?,
            Stmt::Assign(assign) => assign.targets.iter().try_for_each(|target| bound(source, target))?,
            // An annotation alone binds nothing: `tools: Any` is for whoever checks types.
            Stmt::AnnAssign(assign) if assign.value.is_some() => bound(source, &assign.target)?,
            // `import tools` brings what stands ready anyway.
            Stmt::Import(import) => {
                let others =
                    import.names.iter().filter(|each| each.asname.is_some() || each.name.contains('.'));
                others.into_iter().try_for_each(|each| imported(source, each))?;
            }
            Stmt::ImportFrom(import) => import.names.iter().try_for_each(|each| imported(source, each))?,
            _ => {}
        }
    }
    Ok(())
}

fn bound(source: &str, target: &Expr) -> Result<(), SourceError> {
    match target {
        Expr::Name(name) => check(source, name.id.as_str(), name),
        Expr::Tuple(tuple) => tuple.elts.iter().try_for_each(|each| match each {
            Expr::Name(name) => check(source, name.id.as_str(), name),
            _ => Ok(()),
        }),
        _ => Ok(()),
    }
}

fn imported(source: &str, each: &Alias) -> Result<(), SourceError> {
    let name = each.asname.as_ref().unwrap_or(&each.name).as_str();
    check(source, name.split('.').next().unwrap_or(name), each)
}

fn check(source: &str, name: &str, place_of: &impl Ranged) -> Result<(), SourceError> {
    if !OBJECTS.contains(&name) {
        return Ok(());
    }
    let (line, _) = place(source, place_of.range().start().to_usize());
    Err(SourceError::Shadows { name: name.to_owned(), line })
}

//! `skills list`, `show`, `search` and `history`: what there is, for people and for programs.

use std::io::IsTerminal;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::{Form, refused};
use crate::cli::print;
use crate::embedding::State;
use crate::skills::Skills;

/// Skills that are read at once.
const PAGE: usize = 500;

/// Prints every skill.
pub async fn list(skills: &Skills, form: Form) -> anyhow::Result<ExitCode> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = skills.list(&after, PAGE).await.map_err(refused)?;
        all.extend(page.skills);
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    let troubles = skills.troubles();
    if form == Form::Json {
        let every: Vec<Value> = all.iter().map(|(skill, uses)| uses.add_to(skill.about())).collect();
        let broken: Vec<Value> =
            troubles.iter().map(|each| json!({"file": each.place, "reason": each.words})).collect();
        print::stdout(&format!("{:#}\n", json!({"skills": every, "broken": broken})))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines: Vec<String> = all.iter().map(|(skill, uses)| skill.line() + &uses.words()).collect();
    lines.extend(troubles.iter().map(|each| format!("broken: {}: {}", each.place, each.words)));
    if lines.is_empty() {
        lines.push("no skills yet; `actwright skills create NAME FILE` saves one".to_owned());
    }
    print::stdout(&(lines.join("\n") + "\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints one skill: its source on stdout, everything about it on stderr, so that the source can go into a file.
pub async fn one(skills: &Skills, name: &str, version: Option<i64>, form: Form) -> anyhow::Result<ExitCode> {
    let skill = skills.get(name, version).await.map_err(refused)?;
    let mut uses = skills.uses(vec![skill.name.to_string()]).await.map_err(refused)?;
    let mut uses = uses.remove(skill.name.as_str()).unwrap_or_default();
    uses.proof = skills.proof_of(&skill).await.map_err(refused)?;
    if form == Form::Json {
        print::stdout(&format!("{:#}\n", uses.add_to(skill.whole())))?;
        return Ok(ExitCode::SUCCESS);
    }
    let version = skill.version.map(|version| format!(", version {version}")).unwrap_or_default();
    let mut about = format!("{} [{}{version}]{}\n", skill.signature(), skill.origin.word(), uses.words());
    for hidden in &skill.hides {
        about.push_str(&format!("it hides {hidden}\n"));
    }
    if !skill.description.is_empty() {
        about.push_str(&format!("{}\n", skill.description));
    }
    print::stderr(&(about + "\n"))?;
    let end = if skill.source.ends_with('\n') { "" } else { "\n" };
    print::stdout(&format!("{}{end}", skill.source))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what fits.
pub async fn search(skills: &Skills, words: &str, limit: usize, form: Form) -> anyhow::Result<ExitCode> {
    read(skills, form).await?;
    let found = skills.search(words, limit).await.map_err(refused)?;
    let (semantic, reason) = found.semantic.words();
    let code = if found.hits.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if form == Form::Json {
        print::stdout(&format!("{:#}\n", found.about()))?;
        return Ok(code);
    }
    let lines: String = found
        .hits
        .iter()
        .map(|hit| format!("{:.2}  {}{}\n", hit.score, hit.skill.line(), hit.uses.words()))
        .collect();
    print::stdout(&lines)?;
    if found.hits.is_empty() {
        print::stderr("nothing fits these words\n")?;
    }
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    print::stderr(&format!("semantic: {semantic}{reason}\n"))?;
    if let Some(english) = &found.read_as {
        print::stderr(&format!("read as: {english:?}\n"))?;
    }
    Ok(code)
}

/// Reads what skills mean where that was not done yet, because nobody else would do it for a command.
async fn read(skills: &Skills, form: Form) -> anyhow::Result<()> {
    if skills.meanings().embedder().state() != State::Ready {
        return Ok(());
    }
    let is_shown = form == Form::Text && std::io::stderr().is_terminal();
    let told = |there: usize, all: usize| {
        if is_shown {
            // A line that could not be shown is no reason not to search.
            drop(print::stderr(&format!("\r\u{1b}[Kreading what skills mean: {there} of {all}")));
        }
    };
    // Why it failed is said with the answer.
    drop(skills.fill(told).await);
    if is_shown {
        print::stderr("\r\u{1b}[K")?;
    }
    Ok(())
}

/// Prints every version.
pub async fn history(skills: &Skills, name: &str, form: Form) -> anyhow::Result<ExitCode> {
    let events = skills.history(name).await.map_err(refused)?;
    let about: Vec<Value> = events.iter().map(|event| event.about()).collect();
    if form == Form::Json {
        print::stdout(&format!("{:#}\n", Value::from(about)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let lines = about.iter().map(|event| {
        let reason = text(&event["reason"]);
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        let proof = match event["proof"].as_str() {
            None | Some("unproven") => String::new(),
            Some(proof) => format!(", {proof}"),
        };
        format!(
            "{:>4}  {}  {} by {}{proof}{why}\n",
            event["version"],
            text(&event["made"]),
            text(&event["kind"]),
            text(&event["author"])
        )
    });
    let lines: String = lines.collect();
    print::stdout(&if lines.is_empty() {
        format!("skill '{name}' is not stored, so it has no versions\n")
    } else {
        lines
    })?;
    Ok(ExitCode::SUCCESS)
}

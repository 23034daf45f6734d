//! The block of PEP 723 in a script: which packages it needs, as TOML in comments.
//!
//! <https://packaging.python.org/en/latest/specifications/inline-script-metadata/>

use serde::Deserialize;

/// What the block says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Requirements as pip reads them.
    pub dependencies: Vec<String>,
    /// Versions of Python.
    #[serde(rename = "requires-python")]
    pub requires_python: Option<String>,
}

/// The name that sessions give to the function that adds what is needed.
const NEED: &str = "__actwright_need__";

impl Metadata {
    /// The code that adds what is needed to a session.
    pub fn as_cell(&self) -> String {
        // A JSON text is a text of Python's too: both know the same escapes of those that are written here.
        let needed = serde_json::Value::from(self.dependencies.clone());
        let python = self
            .requires_python
            .as_ref()
            .map_or_else(|| "None".to_owned(), |text| serde_json::Value::from(text.as_str()).to_string());
        format!("{NEED}({needed}, {python})")
    }
}

/// What is wrong with a block.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    /// On which line of the source, from 1.
    pub line: usize,
    /// What.
    pub message: String,
}

const OPEN: &str = "# /// script";
const CLOSE: &str = "# ///";

/// Reads the block of a source; a source without one needs nothing.
pub fn read(source: &str) -> Result<Metadata, Wrong> {
    let lines: Vec<&str> = source.lines().map(str::trim_end).collect();
    let Some(start) = lines.iter().position(|line| *line == OPEN) else { return Ok(Metadata::default()) };
    // The block goes on as long as there are comments; the last closing line in them ends it.
    let comments =
        lines[start + 1..].iter().take_while(|line| **line == "#" || line.starts_with("# ")).count();
    let Some(length) = lines[start + 1..=start + comments].iter().rposition(|line| *line == CLOSE) else {
        let message = "the block `# /// script` does not end with a line `# ///`".to_owned();
        return Err(Wrong { line: start + 1, message });
    };
    if let Some(second) = lines[start + 1 + length..].iter().position(|line| *line == OPEN) {
        let message = "there is a second block `# /// script`; a source has one".to_owned();
        return Err(Wrong { line: start + 2 + length + second, message });
    }
    let text: String = lines[start + 1..start + 1 + length]
        .iter()
        .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or("")))
        .collect();
    toml::from_str(&text).map_err(|error| {
        let before = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count());
        let message = format!("the block `# /// script` is no TOML that can be used: {}", error.message());
        Wrong { line: start + 2 + before, message }
    })
}

/// What a file of Python says it needs, whatever else it is.
pub fn needed(source: &str) -> Result<Metadata, super::SourceError> {
    read(source).map_err(|wrong| super::SourceError::Metadata { line: wrong.line, message: wrong.message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read() {
        let source = "# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n#   \"requests<3\",\n#   \"rich\",\n# ]\n#\n# [tool.uv]\n# x = 1\n# ///\nimport requests\n";
        let expected = Metadata {
            dependencies: vec!["requests<3".into(), "rich".into()],
            requires_python: Some(">=3.11".into()),
        };
        assert_eq!(read(source), Ok(expected));
        assert_eq!(read("x = 1\n"), Ok(Metadata::default()));
        assert_eq!(read("# /// pyproject\n# x\n# ///\n"), Ok(Metadata::default()));
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let check = |source: &str, line: usize, words: &str| {
            let wrong = read(source).unwrap_err();
            assert!(wrong.line == line && wrong.message.contains(words), "{wrong:?}");
        };
        check("\n# /// script\n# dependencies = []\nx = 1\n# ///\n", 2, "does not end");
        check("# /// script\n# a = 1\n# dependencies = [1]\n# ///\n", 3, "expected a string");
        check("# /// script\n# ///\nx = 1\n# /// script\n# ///\n", 4, "second block");
        check("# /// script\n# dependencies =\n# ///\n", 2, "no TOML");
    }
}

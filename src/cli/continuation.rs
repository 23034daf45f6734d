//! Whether what was typed so far is a whole piece of Python, or the prompt must go on.
//!
//! It only counts brackets, quotes, backslashes and blocks: the host never parses code to run it. A wrong
//! guess costs one Enter; a cell that is wrong is refused by Python itself, with its own words.

/// What the prompt does after Enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Run it.
    Whole,
    /// Ask for another line.
    Open,
}

/// Looks at everything typed since the first prompt.
pub fn look(text: &str) -> Input {
    let lines = logical_lines(text);
    let Some(lines) = lines else { return Input::Open };
    let ends_blank = text.ends_with('\n') || text.lines().last().is_some_and(|line| line.trim().is_empty());
    let Some(last) = lines.iter().rfind(|line| !line.code.trim().is_empty()) else { return Input::Whole };
    let code = last.code.trim_end();
    if code.ends_with(':') || last.code.starts_with('@') {
        return Input::Open;
    }
    // As in Python's own prompt, a block ends with an empty line.
    let in_block = last.code.starts_with([' ', '\t']) || lines.len() > 1 && opens_block(&last.code);
    if (in_block || opens_block(&last.code)) && !ends_blank { Input::Open } else { Input::Whole }
}

/// A line of Python: physical lines joined across brackets, strings and backslashes, comments dropped.
struct Line {
    code: String,
}

/// Words that begin a compound statement; `if x: y` on one line may be followed by `else:`.
fn opens_block(code: &str) -> bool {
    const WORDS: [&str; 10] =
        ["if", "for", "while", "with", "try", "def", "class", "async", "else", "except"];
    let word: String = code.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
    WORDS.contains(&word.as_str()) && code.contains(':')
}

/// `None` when a bracket, a triple-quoted string or a backslash leaves the last line open.
fn logical_lines(text: &str) -> Option<Vec<Line>> {
    let mut scan = Scan { rest: text, depth: 0, lines: Vec::new(), code: String::new() };
    while let Some(c) = scan.next() {
        match c {
            '#' => scan.skip_comment(),
            '"' | '\'' => scan.string(c)?,
            '\\' => {
                // A backslash joins the next line; with nothing after it the line is open.
                scan.next()?;
                if scan.rest.is_empty() {
                    return None;
                }
            }
            '\n' if scan.depth == 0 => scan.end_line(),
            '\n' => scan.code.push(' '),
            '(' | '[' | '{' => {
                scan.depth += 1;
                scan.code.push(c);
            }
            ')' | ']' | '}' => {
                scan.depth = scan.depth.saturating_sub(1);
                scan.code.push(c);
            }
            _ => scan.code.push(c),
        }
    }
    scan.end_line();
    (scan.depth == 0).then_some(scan.lines)
}

struct Scan<'a> {
    rest: &'a str,
    depth: usize,
    lines: Vec<Line>,
    code: String,
}

impl Scan<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn skip_comment(&mut self) {
        self.rest = &self.rest[self.rest.find('\n').unwrap_or(self.rest.len())..];
    }

    fn end_line(&mut self) {
        self.lines.push(Line { code: std::mem::take(&mut self.code) });
    }

    /// Passes over a string; `None` when a triple-quoted one has no end yet.
    fn string(&mut self, quote: char) -> Option<()> {
        self.code.push('"');
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let long = self.rest.starts_with(&triple[1..]);
        if long {
            self.rest = &self.rest[2..];
        }
        loop {
            if long && self.rest.starts_with(&triple) {
                self.rest = &self.rest[3..];
                return Some(());
            }
            match self.next() {
                Some('\\') => drop(self.next()),
                Some(c) if c == quote && !long => return Some(()),
                None if long => return None,
                // An unfinished short string is an error that Python will explain; nothing can mend it.
                Some('\n') | None if !long => {
                    self.depth = 0;
                    self.end_line();
                    return Some(());
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Input) {
        assert_eq!(look(text), expected, "{text:?}");
    }

    #[test]
    fn whole() {
        for text in [
            "",
            "1 + 1",
            "x = [1,\n 2]",
            "print('a')",
            "# only a comment:",
            "s = '''a\nb'''",
            "x = 'it''s'",
            "def f():\n    return 1\n",
            "for i in x:\n    print(i)\n\n",
            "x = {'a': 1}",
            "y = x[1:2]",
            "print('unfinished",
            "lambda: 1",
            "x = 1 # say: (",
            ")",
            "if x: y\n",
            "a = \"\"\"q\"\"\"; b = '\"\"\"'",
            "f = 'a\\'b'",
            "x = 1 + \\\n 2",
        ] {
            check(text, Input::Whole);
        }
    }

    #[test]
    fn open() {
        for text in [
            "def f():",
            "def f():\n    return 1",
            "x = [1,",
            "s = '''a\nb",
            "x = 1 + \\",
            "@decorator",
            "@decorator\ndef f(): # why",
            "for i in x:\n    if i:\n        print(i)",
            "print(\"a\",",
            "class A:  # (",
            "if x: y",
            "try:\n    f()\nexcept OSError as e: pass",
            "async def f():\n    await g()",
        ] {
            check(text, Input::Open);
        }
    }
}

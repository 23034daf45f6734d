//! Conditions after `;`, such as `python_version < "3.11" and sys_platform == "linux"`: whether they hold of a Python.
//!
//! <https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers>

use super::admits;

/// The longest condition, in bytes, and the deepest nesting.
const LONGEST: usize = 1_000;
const DEEPEST: usize = 20;

/// What compares two texts, the longest first.
const SIGNS: [&str; 8] = ["===", "==", "!=", "<=", ">=", "~=", "<", ">"];

/// Whether a condition holds where the variables have these values; or why it cannot be read.
pub fn holds<'a>(condition: &str, known: &dyn Fn(&str) -> Option<&'a str>) -> Result<bool, String> {
    if condition.len() > LONGEST {
        return Err("it is too long".to_owned());
    }
    let mut reader = Reader { tokens: tokens(condition)?, at: 0, known };
    let holds = reader.any(0)?;
    match reader.peek() {
        None => Ok(holds),
        Some(token) => Err(format!("{} was not expected", token.shown())),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Between quotes.
    Text(String),
    /// A variable, `and`, `or`, `in` or `not`.
    Word(String),
    /// A comparison or a parenthesis.
    Sign(&'static str),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Word(word) => format!("`{word}`"),
            Self::Sign(sign) => format!("`{sign}`"),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let after = if first == '"' || first == '\'' {
            let (inside, after) = rest[1..].split_once(first).ok_or("a text does not end with its quote")?;
            tokens.push(Token::Text(inside.to_owned()));
            after
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.'));
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            tokens.push(Token::Word(word.to_owned()));
            after
        } else {
            let signs = SIGNS.into_iter().chain(["(", ")"]);
            let sign = signs.into_iter().find(|sign| rest.starts_with(sign));
            let sign = sign.ok_or_else(|| format!("{first:?} was not expected"))?;
            tokens.push(Token::Sign(sign));
            &rest[sign.len()..]
        };
        rest = after.trim_start();
    }
    Ok(tokens)
}

struct Reader<'a, 'k> {
    tokens: Vec<Token>,
    at: usize,
    known: &'k dyn Fn(&str) -> Option<&'a str>,
}

/// A side of a comparison.
struct Side {
    value: String,
    is_variable: bool,
}

impl Reader<'_, '_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn takes(&mut self, wanted: &Token) -> bool {
        let is_it = self.peek() == Some(wanted);
        self.at += usize::from(is_it);
        is_it
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.takes(&Token::Word(word.to_owned()))
    }

    /// What is joined by `or`. Both sides are read, so that a mistake is found wherever it is.
    fn any(&mut self, depth: usize) -> Result<bool, String> {
        let mut holds = self.all(depth)?;
        while self.takes_word("or") {
            holds |= self.all(depth)?;
        }
        Ok(holds)
    }

    fn all(&mut self, depth: usize) -> Result<bool, String> {
        let mut holds = self.one(depth)?;
        while self.takes_word("and") {
            holds &= self.one(depth)?;
        }
        Ok(holds)
    }

    fn one(&mut self, depth: usize) -> Result<bool, String> {
        if self.takes(&Token::Sign("(")) {
            if depth == DEEPEST {
                return Err("it is nested too deeply".to_owned());
            }
            let holds = self.any(depth + 1)?;
            return if self.takes(&Token::Sign(")")) {
                Ok(holds)
            } else {
                Err("a `)` is missing".to_owned())
            };
        }
        let left = self.side()?;
        let sign = self.sign()?;
        let right = self.side()?;
        if left.is_variable == right.is_variable {
            return Err("a comparison has a variable on one side and a text on the other".to_owned());
        }
        compared(&left.value, sign, &right.value)
    }

    fn side(&mut self) -> Result<Side, String> {
        let token = self.peek().cloned();
        self.at += 1;
        match token {
            Some(Token::Text(value)) => Ok(Side { value, is_variable: false }),
            Some(Token::Word(name)) => match (self.known)(&name) {
                Some(value) => Ok(Side { value: value.to_owned(), is_variable: true }),
                None => Err(format!("there is no variable `{name}`")),
            },
            Some(token) => Err(format!("{} was not expected", token.shown())),
            None => Err("it ends too early".to_owned()),
        }
    }

    fn sign(&mut self) -> Result<&'static str, String> {
        if self.takes_word("in") {
            return Ok("in");
        }
        if self.takes_word("not") {
            return if self.takes_word("in") { Ok("not in") } else { Err("`not` wants `in`".to_owned()) };
        }
        match self.peek() {
            Some(Token::Sign(sign)) if !matches!(*sign, "(" | ")") => {
                let sign = *sign;
                self.at += 1;
                Ok(sign)
            }
            Some(token) => Err(format!("{} was not expected", token.shown())),
            None => Err("it ends too early".to_owned()),
        }
    }
}

/// As versions where both are some, else as texts.
fn compared(left: &str, sign: &str, right: &str) -> Result<bool, String> {
    match sign {
        "in" => return Ok(right.contains(left)),
        "not in" => return Ok(!right.contains(left)),
        _ => {}
    }
    if let Some(is_admitted) = admits(&format!("{sign}{right}"), left) {
        return Ok(is_admitted);
    }
    match sign {
        "==" | "===" => Ok(left == right),
        "!=" => Ok(left != right),
        "<" => Ok(left < right),
        "<=" => Ok(left <= right),
        ">" => Ok(left > right),
        ">=" => Ok(left >= right),
        _ => Err(format!("`{sign}` compares versions, and {left:?} or {right:?} is none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> Option<&'static str> {
        Some(match name {
            "python_version" => "3.11",
            "python_full_version" => "3.11.7",
            "sys_platform" => "linux",
            "platform_machine" => "x86_64",
            "os_name" => "posix",
            "extra" => "",
            _ => return None,
        })
    }

    #[test]
    fn what_holds_of_a_python() {
        let check = |condition: &str, expected: bool| {
            assert_eq!(holds(condition, &known), Ok(expected), "{condition}");
        };
        check("python_version < '3.12'", true);
        check("python_version < \"3.9\"", false);
        check("python_version>='3.2'", true);
        check("'3.10' <= python_version", true);
        check("python_version ~= '3.8'", true);
        check("python_version == '3.*'", true);
        check("python_full_version === '3.11.7'", true);
        check("sys_platform == 'linux' and python_version < '3.9'", false);
        check("sys_platform == 'win32' or python_version > '3.9'", true);
        check("sys_platform == 'win32' or os_name == 'posix' and python_version > '4'", false);
        check("(sys_platform == 'win32' or os_name == 'posix') and python_version < '4'", true);
        check("platform_machine in 'x86_64 aarch64'", true);
        check("platform_machine not in 'x86_64 aarch64'", false);
        check("'linux' in sys_platform", true);
        check("extra == 'test'", false);
        check("sys_platform != 'darwin'", true);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let check = |condition: &str, words: &str| {
            let said = holds(condition, &known);
            assert!(said.as_ref().is_err_and(|said| said.contains(words)), "{condition}: {said:?}");
        };
        check("", "ends too early");
        check("id", "no variable `id`");
        check("python_version", "ends too early");
        check("python_version <", "ends too early");
        check("python_version < 3.9", "'3' was not expected");
        check("python_version < '3.9' sys_platform", "`sys_platform` was not expected");
        check("python_version < '3.9' and", "ends too early");
        check("'a' == 'a'", "a variable on one side");
        check("os_name == sys_platform", "a variable on one side");
        check("python_version not '3'", "`not` wants `in`");
        check("(python_version > '3'", "a `)` is missing");
        check("python_version > '3", "does not end");
        check("sys_platform ~= 'linux'", "compares versions");
        check("$(id)", "'$' was not expected");
        check(&format!("{}python_version > '3'", "(".repeat(30)), "too deeply");
        check(&"x".repeat(2000), "too long");
    }
}

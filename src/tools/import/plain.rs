//! JSON as editors write it made plain: comments and commas before a closing bracket become blanks.
//!
//! Everything keeps its line and column, so that what the parser says of a mistake is true of the file.

/// The same text without comments and trailing commas.
pub fn plain(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut made: Vec<char> = Vec::with_capacity(text.len());
    let mut comma = None;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek()) {
            ('"', _) => {
                comma = None;
                made.push(c);
                while let Some(inside) = characters.next() {
                    made.push(inside);
                    match inside {
                        '\\' => made.extend(characters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            ('/', Some('/')) => {
                made.push(' ');
                while let Some(skipped) = characters.next_if(|c| *c != '\n') {
                    made.push(if skipped == '\r' { '\r' } else { ' ' });
                }
            }
            ('/', Some('*')) => {
                let mut before = ' ';
                made.extend([' ', ' ']);
                characters.next();
                for skipped in characters.by_ref() {
                    made.push(if skipped == '\n' { '\n' } else { ' ' });
                    if before == '*' && skipped == '/' {
                        break;
                    }
                    before = skipped;
                }
            }
            (',', _) => {
                comma = Some(made.len());
                made.push(c);
            }
            ('}' | ']', _) => {
                if let Some(place) = comma.take() {
                    made[place] = ' ';
                }
                made.push(c);
            }
            (c, _) => {
                if !c.is_whitespace() {
                    comma = None;
                }
                made.push(c);
            }
        }
    }
    made.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn comments_and_trailing_commas_go_and_strings_stay() {
        let check = |text: &str, expected: Value| {
            let made = plain(text);
            assert_eq!(serde_json::from_str::<Value>(&made).unwrap(), expected, "{made}");
            assert_eq!(made.lines().count(), text.lines().count());
        };
        check("{\"a\": 1, // one\n \"b\": [1, 2, /* , ] */ ], }", json!({"a": 1, "b": [1, 2]}));
        check(
            r#"{"url": "http://x/*y*/", "quote": "\"//\",}"}"#,
            json!({"url": "http://x/*y*/", "quote": "\"//\",}"}),
        );
        check("\u{feff}{\"a\": [\r\n 1, // x\r\n]}", json!({"a": [1]}));
        check("/**/{/***/}", json!({}));
    }

    #[test]
    fn what_is_broken_stays_broken() {
        for text in ["{\"a\": \"", "{/*", "{\"a\\", "{,,}", "[,1]"] {
            assert!(serde_json::from_str::<Value>(&plain(text)).is_err(), "{text}");
        }
    }
}

//! The head of an HTTP/1.1 message, read strictly: what two parsers could read in two ways is refused.
//!
//! Lines end in CRLF and nothing else; no folded lines, no space before a colon, no control characters.

/// How many fields a head may have.
const FIELDS: usize = 200;

/// One field. Servers should not mind the case of its name, and some do, so it stays as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    name: String,
    /// Without space around it.
    pub value: Vec<u8>,
}

impl Field {
    /// One of our own.
    pub fn new(name: &str, value: impl Into<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), value: value.into() }
    }

    /// Whether it has this name.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// A head taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The first line.
    pub line: &'a str,
    /// All fields in order.
    pub fields: Vec<Field>,
}

/// Looks for the end of a head that comes in pieces, at each byte once: a sender of single bytes must not cost more than
/// one of all at once.
#[derive(Debug, Default)]
pub struct Scan {
    seen: usize,
}

impl Scan {
    /// Where the head ends in what has come so far, which grows from call to call; `None` when more has to come.
    pub fn end_of(&mut self, bytes: &[u8]) -> Result<Option<usize>, &'static str> {
        while let Some(byte) = bytes.get(self.seen) {
            let before = self.seen.checked_sub(1).map(|at| bytes[at]);
            match (before, byte) {
                (_, 0) => return Err("a NUL"),
                (Some(b'\r'), b'\n') => {}
                (_, b'\n') => return Err("a line that ends in LF alone"),
                (Some(b'\r'), _) => return Err("a CR within a line"),
                _ => {}
            }
            self.seen += 1;
            if bytes[..self.seen].ends_with(b"\r\n\r\n") {
                return Ok(Some(self.seen));
            }
        }
        Ok(None)
    }
}

impl<'a> Head<'a> {
    /// Takes a head apart that ends with its empty line.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, &'static str> {
        if Scan::default().end_of(bytes)? != Some(bytes.len()) {
            return Err("a head without an end");
        }
        let mut lines = bytes[..bytes.len() - 4].split(|byte| *byte == b'\n');
        let line = lines.next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
            return Err("a first line with other characters than ASCII");
        }
        let line = std::str::from_utf8(line).map_err(|_| "a first line that is no text")?;
        let mut fields = Vec::new();
        for field in lines {
            if fields.len() == FIELDS {
                return Err("so many fields");
            }
            fields.push(self::field(field.strip_suffix(b"\r").unwrap_or(field))?);
        }
        Ok(Self { line, fields })
    }
}

fn field(line: &[u8]) -> Result<Field, &'static str> {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return Err("a folded line");
    }
    let colon = line.iter().position(|byte| *byte == b':').ok_or("a field without a colon")?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if !is_token(name) {
        return Err("a field name with other characters than letters, digits and dashes");
    }
    if !value.iter().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..)) {
        return Err("a control character in a field");
    }
    Ok(Field::new(&String::from_utf8_lossy(name), value))
}

/// RFC 9110, section 5.6.2.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// The fields that concern one connection only and are not passed on, by RFC 9110, section 7.6.1, with those that
/// `Connection` names.
pub fn passed_on(fields: Vec<Field>) -> Vec<Field> {
    let mut own: Vec<String> =
        ["connection", "keep-alive", "te", "trailer", "upgrade"].map(str::to_owned).to_vec();
    for field in fields.iter().filter(|field| field.is("connection")) {
        let named = String::from_utf8_lossy(&field.value).to_ascii_lowercase();
        own.extend(named.split(',').map(|name| name.trim().to_owned()));
    }
    // How long the message is stays said, whatever `Connection` names.
    let stays = |name: &str| matches!(name, "content-length" | "transfer-encoding");
    let passes = |name: &String| stays(name) || !(own.contains(name) || name.starts_with("proxy-"));
    fields.into_iter().filter(|field| passes(&field.name.to_ascii_lowercase())).collect()
}

/// A head as bytes.
pub fn written(line: &str, fields: &[Field]) -> Vec<u8> {
    let mut bytes = format!("{line}\r\n").into_bytes();
    for Field { name, value } in fields {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

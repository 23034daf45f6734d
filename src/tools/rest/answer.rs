//! What comes back: read within bounds, and told apart by its media type and status.

use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::Value;

use super::send::broken_off;
use crate::tools::failure::Failure;
use crate::tools::output::{Media, Output};
use crate::tools::secrets::Secrets;

/// The longest quote of an answer in an error, in characters.
const QUOTE: usize = 1_000;

/// Bytes of JSON that become a value here; it takes many times its text. Larger ones stay bytes, which code can parse.
const LARGEST_JSON: usize = 16 << 20;

/// Memory that is taken before anything has come.
const AHEAD: usize = 16 << 20;

/// An answer's bytes, at most so many.
pub async fn read(mut response: Response, largest: usize) -> Result<Vec<u8>, Failure> {
    // Nothing of the kind was asked for, and what it would become has no bound.
    if let Some(coding) = response.headers().get(CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        let coding: String = String::from_utf8_lossy(coding.as_bytes()).chars().take(40).collect();
        return Err(Failure::failed(format!("the answer is encoded as `{coding}`, which was not asked for")));
    }
    let too_large =
        || Failure::failed(format!("the answer is larger than {} MB, the most that is taken", largest >> 20));
    // Zero for an answer to HEAD, whatever its header says.
    let said = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    if said > largest {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(said.min(AHEAD));
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > largest => return Err(too_large()),
            Ok(Some(chunk)) => {
                // What was announced is made room for at once, when it has begun to come.
                if bytes.capacity() < bytes.len() + chunk.len() && said > bytes.len() {
                    bytes.reserve_exact(said - bytes.len());
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(bytes),
            Err(error) => return Err(broken_off(&error)),
        }
    }
}

/// The answer by its media type, or a failure with status and body.
pub async fn finish(response: Response, largest: usize, secrets: &Secrets) -> Result<Output, Failure> {
    let status = response.status();
    let media_type =
        response.headers().get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let media_type = media_type.unwrap_or_default().into_owned();
    let output = by_type(read(response, largest).await?, &media_type);
    if status.is_success() {
        return Ok(output);
    }
    let body = match output {
        Output::Json(value) => value,
        Output::Text(text) => Value::String(text),
        Output::Media(media) => Value::String(format!("{} bytes of {}", media.bytes.len(), media.media_type)),
        Output::Parts(_) => Value::Null,
    };
    let shown = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    // Masked before it is cut: half a secret would not be found any more.
    let quote: String = secrets.mask(&shown).chars().take(QUOTE).collect();
    let reason = status.canonical_reason().unwrap_or_default();
    let words = format!("status {} {reason}: {quote}", status.as_u16());
    Err(Failure::failed(words.trim_end_matches(": null").trim_end_matches(": ").trim_end())
        .with("status", status.as_u16())
        .with("body", body))
}

fn by_type(bytes: Vec<u8>, media_type: &str) -> Output {
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json = essence == "application/json" || essence == "text/json" || essence.ends_with("+json");
    if bytes.is_empty() && (essence.is_empty() || is_json) {
        return Output::Json(Value::Null);
    }
    if is_json && bytes.len() <= LARGEST_JSON {
        return match serde_json::from_slice(&bytes) {
            Ok(value) => Output::Json(value),
            Err(_) => Output::Text(text(bytes, parts)),
        };
    }
    let is_text = essence.starts_with("text/")
        || essence.ends_with("/xml")
        || essence.ends_with("+xml")
        || essence.ends_with("yaml")
        || essence == "application/x-ndjson"
        || essence == "application/x-www-form-urlencoded"
        || essence == "application/javascript";
    if is_text {
        return Output::Text(text(bytes, parts));
    }
    let media_type = if essence.is_empty() { "application/octet-stream".to_owned() } else { essence };
    Output::Media(Media { bytes, media_type, uri: None })
}

/// Text in UTF-8, or in Latin-1 where it says so.
fn text<'a>(bytes: Vec<u8>, parameters: impl Iterator<Item = &'a str>) -> String {
    let charset = parameters
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, charset)| charset.trim().trim_matches('"').to_ascii_lowercase());
    if matches!(charset.as_deref(), Some("iso-8859-1" | "latin1")) {
        return bytes.into_iter().map(char::from).collect();
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_what_its_media_type_says() {
        let check = |media_type: &str, bytes: &[u8], expected: Output| {
            assert_eq!(by_type(bytes.to_vec(), media_type), expected, "{media_type}");
        };
        let text = |text: &str| Output::Text(text.to_owned());
        let media = |bytes: &[u8], media_type: &str| {
            Output::Media(Media { bytes: bytes.to_vec(), media_type: media_type.to_owned(), uri: None })
        };
        check("application/json; charset=utf-8", b"[1]", Output::Json(json!([1])));
        check("application/problem+json", b"{}", Output::Json(json!({})));
        check("Application/JSON", b"{", text("{"));
        check("text/plain", b"[1]", text("[1]"));
        check("text/plain; charset=\"ISO-8859-1\"", b"\xe9", text("é"));
        check("text/html", b"\xff", text("\u{fffd}"));
        check("image/svg+xml", b"<svg/>", text("<svg/>"));
        check("image/png", b"\x89PNG", media(b"\x89PNG", "image/png"));
        check("", b"x", media(b"x", "application/octet-stream"));
        let large = " ".repeat(LARGEST_JSON) + "1";
        check("application/json", large.as_bytes(), media(large.as_bytes(), "application/json"));
        check("application/json", &large.as_bytes()[1..], Output::Json(json!(1)));
        check("", b"", Output::Json(Value::Null));
        check("application/json", b"", Output::Json(Value::Null));
        check("application/zip", b"", media(b"", "application/zip"));
        check("text/plain", b"", text(""));
    }
}

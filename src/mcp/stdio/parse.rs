//! One line made a message, or the error that answers it.
//!
//! The envelope is read before the contents, so that an error carries the request's own id and says what is
//! wrong; only then does the SDK's type see the line.

use std::borrow::Cow;

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientJsonRpcMessage, ClientRequest, ErrorData, GetExtensions,
    JsonRpcMessage, RequestId,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::scan::IdScanner;

/// What a line is.
#[derive(Debug)]
pub(super) enum Parsed {
    /// A message for the server.
    Message(Box<ClientJsonRpcMessage>),
    /// Something that must be answered with an error.
    Answer(Option<RequestId>, ErrorData),
    /// Nothing to act on: an empty line, or a notification that is not understood.
    Nothing,
}

#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Tells `"id": null` from no id.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Reads one line without its line end.
pub(super) fn parse(line: &[u8]) -> Parsed {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Parsed::Nothing;
    }
    if line.starts_with(b"[") {
        let message = "batches are not supported: send each message on a line of its own";
        return Parsed::Answer(None, ErrorData::invalid_request(message, None));
    }
    match serde_json::from_slice::<Envelope<'_>>(line) {
        Ok(envelope) => open(line, &envelope),
        Err(error) => malformed(line, &error),
    }
}

/// The answer to a line that is too long, which was dropped.
pub(super) fn too_long(id: Option<RequestId>, bytes: u64, limit: usize) -> Parsed {
    let message = format!(
        "the message is {bytes} bytes and the limit is {limit}. Put large data into a file or build it in code"
    );
    Parsed::Answer(id, ErrorData::invalid_request(message, None))
}

fn open(line: &[u8], envelope: &Envelope<'_>) -> Parsed {
    let invalid = |id, message: &'static str| Parsed::Answer(id, ErrorData::invalid_request(message, None));
    let id = envelope.id.and_then(|raw| serde_json::from_str::<RequestId>(raw.get()).ok());
    let Some(method) = &envelope.method else {
        if envelope.result.is_some() || envelope.error.is_some() {
            // An answer to something that was never asked cannot be acted on, and is never answered.
            return whole(line).map_or(Parsed::Nothing, Parsed::Message);
        }
        return invalid(id, "the message has no method");
    };
    if envelope.jsonrpc.is_none_or(|raw| raw.get() != "\"2.0\"") {
        return invalid(id, "jsonrpc must be \"2.0\"");
    }
    if envelope.id.is_some() && id.is_none() {
        return invalid(None, "the id must be a string or an integer");
    }
    let Some(id) = id else {
        // Notifications are never answered, understood or not.
        return whole(line).map_or(Parsed::Nothing, Parsed::Message);
    };
    if method == "tools/call" {
        return call(id, envelope.params);
    }
    match whole(line) {
        Ok(message) => Parsed::Message(message),
        Err(error) => invalid_params(id, method, &error),
    }
}

/// Tool calls are all but a few of the messages; reading them directly saves the SDK's trial of every type.
fn call(id: RequestId, params: Option<&RawValue>) -> Parsed {
    let params = params.map_or("{}", RawValue::get);
    match serde_json::from_str::<CallToolRequestParams>(params) {
        Ok(mut params) => {
            let meta = params.meta.take();
            let mut request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
            if let Some(meta) = meta {
                request.extensions_mut().insert(meta);
            }
            Parsed::Message(Box::new(JsonRpcMessage::request(request, id)))
        }
        Err(error) => invalid_params(id, "tools/call", &error),
    }
}

fn whole(line: &[u8]) -> Result<Box<ClientJsonRpcMessage>, serde_json::Error> {
    serde_json::from_slice::<ClientJsonRpcMessage>(line).map(Box::new)
}

fn invalid_params(id: RequestId, method: &str, error: &serde_json::Error) -> Parsed {
    let message = format!("invalid params of {method}: {error}");
    Parsed::Answer(Some(id), ErrorData::invalid_params(message, None))
}

fn malformed(line: &[u8], error: &serde_json::Error) -> Parsed {
    let mut scanner = IdScanner::default();
    scanner.feed(line);
    let id = scanner.id_of_whole();
    if error.is_data() && line.starts_with(b"{") {
        return Parsed::Answer(
            id,
            ErrorData::invalid_request(format!("not a JSON-RPC message: {error}"), None),
        );
    }
    if error.is_data() {
        return Parsed::Answer(None, ErrorData::invalid_request("a message is a JSON object", None));
    }
    Parsed::Answer(id, ErrorData::parse_error(format!("the line is not JSON: {error}"), None))
}

#[cfg(test)]
mod tests;

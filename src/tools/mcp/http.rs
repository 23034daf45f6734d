//! The HTTP client of upstreams: the SDK's, with what servers in the field need beside it.
//!
//! The answer to a posted request is that request's answer, whatever number it bears: a server that refuses before it
//! has read the number sends an error without one, and the caller would wait for it until time runs out.

use std::collections::HashMap;
use std::sync::Arc;

use reqwest::Client;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::model::{ClientJsonRpcMessage, RequestId, ServerJsonRpcMessage};
use rmcp::transport::common::client_side_sse::BoxedSseResponse;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};

type Result<T> = std::result::Result<T, StreamableHttpError<reqwest::Error>>;
type Headers = HashMap<HeaderName, HeaderValue>;

/// See the module.
#[derive(Debug, Clone)]
pub struct Http(pub Client);

/// Whether a request was posted as part of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Posted {
    InSession,
    Alone,
}

impl StreamableHttpClient for Http {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse> {
        let (asked, posted) = about(&message, session_id.as_ref());
        let response = self.0.post_message(uri, message, session_id, auth_header, headers).await?;
        correlated(response, asked, posted)
    }

    async fn post_message_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        headers: Headers,
        most: usize,
    ) -> Result<StreamableHttpPostResponse> {
        let (asked, posted) = about(&message, session_id.as_ref());
        let response = self
            .0
            .post_message_with_max_sse_event_size(uri, message, session_id, auth_header, headers, most)
            .await?;
        correlated(response, asked, posted)
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        auth_header: Option<String>,
        headers: Headers,
    ) -> Result<()> {
        self.0.delete_session(uri, session_id, auth_header, headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        headers: Headers,
    ) -> Result<BoxedSseResponse> {
        self.0.get_stream(uri, session_id, last_event_id, auth_header, headers).await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        headers: Headers,
        most: usize,
    ) -> Result<BoxedSseResponse> {
        self.0
            .get_stream_with_max_sse_event_size(uri, session_id, last_event_id, auth_header, headers, most)
            .await
    }
}

fn about(message: &ClientJsonRpcMessage, session_id: Option<&Arc<str>>) -> (Option<RequestId>, Posted) {
    let asked = match message {
        ClientJsonRpcMessage::Request(request) => Some(request.id.clone()),
        _ => None,
    };
    (asked, if session_id.is_some() { Posted::InSession } else { Posted::Alone })
}

/// An error with the number of what was asked; one about a session that the server does not know is the end of it.
fn correlated(
    response: StreamableHttpPostResponse,
    asked: Option<RequestId>,
    posted: Posted,
) -> Result<StreamableHttpPostResponse> {
    match (response, asked) {
        (StreamableHttpPostResponse::Json(ServerJsonRpcMessage::Error(mut error), session), Some(asked))
            if error.id.as_ref() != Some(&asked) =>
        {
            // The revision says 404; the servers made with its SDKs' examples say 400 and these words. They have done
            // nothing, so that the request may be sent again in a new session.
            if posted == Posted::InSession && error.error.message.to_ascii_lowercase().contains("session") {
                return Err(StreamableHttpError::SessionExpired);
            }
            error.id = Some(asked);
            Ok(StreamableHttpPostResponse::Json(ServerJsonRpcMessage::Error(error), session))
        }
        (response, _) => Ok(response),
    }
}

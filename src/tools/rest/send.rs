//! Sending requests: to the API's own server and nowhere else with its keys, retried where that is safe, bounded in size.
//!
//! The server that the tool file names may be anywhere. What a document or a redirect leads to must be on the public
//! internet, unless `allow_private` names it; the address that was checked is the one that is dialled.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{COOKIE, LOCATION, RETRY_AFTER};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, Request, Response, StatusCode, Url};
use serde_json::Value;

use super::file::ApiFile;
use super::request::{Content, Prepared};
use crate::network::address::is_public;
use crate::tools::failure::{Failure, FailureKind};
use crate::tools::output::{Media, Output};
use crate::tools::secrets::Secrets;
use crate::tools::web;

/// Bytes of one answer.
const LARGEST: usize = 128 << 20;

/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// The first pause before another try; it doubles, and a server may ask for more up to the longest.
const PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// The longest quote of an answer in an error, in characters.
const QUOTE: usize = 1_000;

/// Sends the requests of one API.
#[derive(Debug, Clone)]
pub struct Sender {
    client: Client,
    open: Open,
    timeout: Duration,
    retries: u32,
    secrets: Secrets,
}

/// Hosts that may be private.
#[derive(Debug, Clone, Default)]
struct Open(Arc<Vec<String>>);

impl Open {
    fn holds(&self, host: &str, port: Option<u16>) -> bool {
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        let with_port = port.map(|port| format!("{host}:{port}"));
        self.0.iter().any(|known| *known == host || Some(known) == with_port.as_ref())
    }
}

impl Open {
    /// Whether this host is named, with whatever port.
    fn names(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.0.iter().any(|known| known.rsplit_once(':').map_or(known.as_str(), |(name, _)| name) == host)
    }
}

/// Resolves names, and drops the addresses that are not public where they must be.
#[derive(Debug)]
struct PublicOnly(Open);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        // The port is not known here; it was checked with the address.
        let open = self.0.names(&host);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let usable: Vec<SocketAddr> =
                found.into_iter().filter(|address| open || is_public(address.ip())).collect();
            if usable.is_empty() {
                let words = format!("`{host}` is not on the public internet (allow_private)");
                return Err(std::io::Error::other(words).into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

impl Sender {
    /// For this file's requests; only what it names itself may be private.
    pub fn new(file: &ApiFile) -> Result<Self, reqwest::Error> {
        let mut open: Vec<String> = file.allow_private.iter().map(|host| host.to_ascii_lowercase()).collect();
        let spec = match &file.source {
            super::file::Source::Url(url) => Some(url),
            _ => None,
        };
        open.extend(file.base_url.iter().chain(spec).filter_map(|url| host_of(url)));
        Self::over(open, file)
    }

    fn over(open: Vec<String>, file: &ApiFile) -> Result<Self, reqwest::Error> {
        let open = Open(Arc::new(open));
        let client =
            web::builder().dns_resolver(Arc::new(PublicOnly(open.clone()))).timeout(file.timeout).build()?;
        Ok(Self { client, open, timeout: file.timeout, retries: file.retries, secrets: file.secrets.clone() })
    }

    /// This value must never go back.
    pub fn learn(&self, value: &str) {
        self.secrets.learn(value);
    }

    /// A document's text.
    pub async fn fetch(&self, url: &str) -> Result<String, Failure> {
        let prepared = Prepared {
            method: "GET".to_owned(),
            url: url.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            cookies: Vec::new(),
            body: Content::None,
        };
        match self.send(prepared).await? {
            Output::Text(text) => Ok(text),
            Output::Json(value) => Ok(value.to_string()),
            Output::Media(media) => {
                String::from_utf8(media.bytes).map_err(|_| Failure::failed("the document is not UTF-8"))
            }
            Output::Parts(_) => Err(Failure::failed("the document has several parts")),
        }
    }

    /// Asks a token server; what it answers.
    pub async fn token(&self, url: &str, authorization: &str, form: String) -> Result<Value, Failure> {
        let url = self.checked(url)?;
        let request = self
            .client
            .post(url)
            .header("authorization", authorization)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form);
        let response = request.send().await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        let body = read(response).await?;
        if !status.is_success() {
            return Err(Failure::unavailable(format!("the token server answered {}", status.as_u16())));
        }
        serde_json::from_slice(&body)
            .map_err(|_| Failure::unavailable("the token server's answer is not JSON"))
    }

    /// Sends a request and gives what comes back.
    pub async fn send(&self, prepared: Prepared) -> Result<Output, Failure> {
        // A second time must not do more than the first.
        let is_safe = matches!(prepared.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE");
        let tries = if is_safe { self.retries + 1 } else { 1 };
        let mut pause = PAUSE;
        for attempt in 1.. {
            let result = self.once(&prepared).await;
            let wait = match &result {
                _ if attempt >= tries => None,
                Ok(response) => worth_another(response, pause),
                Err(failure) if failure.kind == FailureKind::Unavailable => Some(pause),
                Err(_) => None,
            };
            match (result, wait) {
                (_, Some(wait)) => {
                    tokio::time::sleep(wait).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                (Ok(response), None) => return finish(response).await,
                (Err(failure), None) => return Err(failure),
            }
        }
        Err(Failure::unavailable("no answer"))
    }

    /// One try, with its redirects.
    async fn once(&self, prepared: &Prepared) -> Result<Response, Failure> {
        let mut url = self.checked(&prepared.address())?;
        let first = url.origin();
        let mut method = prepared.method.clone();
        for _ in 0..=REDIRECTS {
            let request = self.request(&method, url.clone(), prepared, url.origin() == first).await?;
            let response = self.client.execute(request).await.map_err(|error| self.broken(&error))?;
            let Some(target) = redirect(&response) else { return Ok(response) };
            url = response.url().join(&target).map_err(|_| Failure::failed("it redirects to no address"))?;
            if url.origin() != first {
                self.check_redirect(&url)?;
            }
            // As browsers do: what is not repeated as it was becomes a plain GET.
            if !matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT)
                && method != "HEAD"
            {
                method = "GET".to_owned();
            } else if url.origin() != first && method != "GET" && method != "HEAD" {
                return Err(Failure::failed(format!(
                    "it redirects a {method} to `{}`; what is sent is not passed on to another origin",
                    origin_of(&url)
                )));
            }
        }
        Err(Failure::failed(format!("it redirects more than {REDIRECTS} times")))
    }

    /// A redirect from a public place must not lead into a private one, whoever is meant by it.
    fn check_redirect(&self, url: &Url) -> Result<(), Failure> {
        self.checked(url.as_str()).map(drop)
    }

    /// An address whose host, where it is a number, may be reached; names are looked at when they are resolved.
    fn checked(&self, address: &str) -> Result<Url, Failure> {
        let url = Url::parse(address)
            .map_err(|error| Failure::arguments(format!("the address is none: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::failed(format!("`{}:` is neither http nor https", url.scheme())));
        }
        let Some(host) = url.host_str() else { return Err(Failure::failed("the address has no host")) };
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
        let open = self.open.holds(host, url.port_or_known_default());
        // A name that is open on one port is not on another.
        let is_closed = literal.map_or_else(|_| self.open.names(host), |address| !is_public(address));
        if is_closed && !open {
            return Err(Failure::new(
                FailureKind::Denied,
                format!(
                    "`{host}` is not on the public internet; the tool file can name it in `allow_private`"
                ),
            ));
        }
        Ok(url)
    }

    async fn request(
        &self,
        method: &str,
        url: Url,
        prepared: &Prepared,
        is_own: bool,
    ) -> Result<Request, Failure> {
        let method =
            Method::from_bytes(method.as_bytes()).map_err(|_| Failure::arguments("no such method"))?;
        let with_body = method == Method::from_bytes(prepared.method.as_bytes()).unwrap_or_default();
        let mut request = self.client.request(method, url);
        // Keys and whatever else was meant for the API stay with it.
        if is_own {
            for (name, value) in &prepared.headers {
                request = request.header(name, value);
            }
            if !prepared.cookies.is_empty() {
                let cookies = prepared.cookies.iter().map(|(name, value)| format!("{name}={value}"));
                request = request.header(COOKIE, cookies.collect::<Vec<_>>().join("; "));
            }
        }
        if !prepared.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            request = request.header("accept", "application/json, */*;q=0.8");
        }
        if with_body && is_own {
            request = match &prepared.body {
                Content::None => request,
                Content::Bytes(media_type, bytes) => {
                    request.header("content-type", media_type).body(bytes.clone())
                }
                Content::Parts(parts) => request.multipart(form(parts)?),
            };
        }
        request.build().map_err(|error| Failure::arguments(format!("the request cannot be made: {error}")))
    }

    fn broken(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() {
            let words = format!("no answer within {} s (`timeout` in its file)", self.timeout.as_secs_f64());
            return Failure::new(FailureKind::Timeout, words);
        }
        let mut words = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            words = cause.to_string();
            source = cause.source();
        }
        Failure::unavailable(format!("the server cannot be reached: {words}"))
    }
}

fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_ascii_lowercase();
    Some(match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

fn origin_of(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn form(parts: &[super::request::FormPart]) -> Result<Form, Failure> {
    let mut form = Form::new();
    for part in parts {
        let mut made = Part::bytes(part.bytes.clone());
        if let Some(media_type) = &part.media_type {
            made = made.mime_str(media_type).map_err(|error| Failure::arguments(error.to_string()))?;
            if media_type == "application/octet-stream" {
                made = made.file_name(part.name.clone());
            }
        }
        form = form.part(part.name.clone(), made);
    }
    Ok(form)
}

fn redirect(response: &Response) -> Option<String> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let target = response.headers().get(LOCATION)?.to_str().ok()?;
    is_redirect.then(|| target.to_owned())
}

/// How long to wait before another try, if one is worth it.
fn worth_another(response: &Response, pause: Duration) -> Option<Duration> {
    if !matches!(response.status().as_u16(), 429 | 502 | 503 | 504) {
        return None;
    }
    let asked =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match asked.map(Duration::from_secs) {
        Some(asked) if asked > LONGEST_PAUSE => None,
        Some(asked) => Some(asked.max(pause)),
        None => Some(pause),
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > LARGEST => {
                return Err(Failure::failed(format!("the answer is larger than {} MB", LARGEST >> 20)));
            }
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Ok(bytes),
            Err(error) => return Err(Failure::failed(format!("the answer broke off: {error}"))),
        }
    }
}

/// The answer by its media type, or a failure with status and body.
async fn finish(response: Response) -> Result<Output, Failure> {
    let status = response.status();
    let media_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default().to_owned();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let bytes = read(response).await?;
    let is_json = essence == "application/json" || essence.ends_with("+json");
    let output = if bytes.is_empty() {
        Output::Json(Value::Null)
    } else if is_json {
        match serde_json::from_slice(&bytes) {
            Ok(value) => Output::Json(value),
            Err(_) => Output::Text(String::from_utf8_lossy(&bytes).into_owned()),
        }
    } else if essence.starts_with("text/") || essence.ends_with("xml") || essence.ends_with("yaml") {
        Output::Text(String::from_utf8_lossy(&bytes).into_owned())
    } else {
        let media_type = if essence.is_empty() { "application/octet-stream".to_owned() } else { essence };
        Output::Media(Media { bytes, media_type, uri: None })
    };
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
    let quote: String = shown.chars().take(QUOTE).collect();
    let reason = status.canonical_reason().unwrap_or_default();
    let words = format!("status {} {reason}: {quote}", status.as_u16());
    Err(Failure::failed(words.trim_end_matches(": null").trim_end_matches(": "))
        .with("status", status.as_u16())
        .with("body", body))
}

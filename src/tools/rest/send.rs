//! Sending requests: to the API's own server and nowhere else with its keys, retried where that is safe, bounded in size.

use std::time::{Duration, SystemTime};

use reqwest::header::{COOKIE, LOCATION, RETRY_AFTER};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, Request, Response, StatusCode, Url};
use serde_json::Value;

use super::answer::{finish, read};
use super::date;
use super::file::ApiFile;
use super::reach::{Reach, not_public};
use super::request::{Content, Prepared};
use crate::tools::failure::{Failure, FailureKind};
use crate::tools::output::Output;
use crate::tools::secrets::{Secrets, Template};

/// Bytes of one answer.
const LARGEST: usize = 128 << 20;

/// Bytes of a document, and of a token server's answer.
const LARGEST_DOCUMENT: usize = 32 << 20;
const LARGEST_TOKEN: usize = 1 << 20;

/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// The first pause before another try; it doubles, and a server may ask for more up to the longest.
const PAUSE: Duration = Duration::from_millis(300);
pub const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Sends the requests of one API.
#[derive(Debug, Clone)]
pub struct Sender {
    reach: Reach,
    timeout: Duration,
    retries: u32,
    secrets: Secrets,
}

/// Whether a request goes where its keys belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leg {
    /// To the origin that it was made for.
    Own,
    /// Elsewhere, by a redirect; or back again by whoever was there.
    Away,
}

impl Sender {
    /// For this file's requests; only what it names itself may be private.
    pub fn new(file: &ApiFile) -> Result<Self, reqwest::Error> {
        let reach = Reach::new(file)?;
        Ok(Self { reach, timeout: file.timeout, retries: file.retries, secrets: file.secrets.clone() })
    }

    /// This value must never go back.
    pub fn learn(&self, value: &str) {
        self.secrets.learn(value);
    }

    /// What a text of the tool file stands for now.
    pub async fn value(&self, template: &Template) -> Result<String, Failure> {
        let value = template.resolve(&self.secrets).await;
        value.map_err(|error| Failure::unavailable(error.to_string()))
    }

    /// The same of a key, which is as secret when it stands in the file itself.
    pub async fn key(&self, template: &Template) -> Result<String, Failure> {
        let value = self.value(template).await?;
        self.learn(&value);
        Ok(value)
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
        let response = self.response(&prepared).await?;
        if !response.status().is_success() {
            return Err(Failure::failed(format!("status {}", response.status().as_u16())));
        }
        let bytes = read(response, LARGEST_DOCUMENT).await?;
        String::from_utf8(bytes).map_err(|_| Failure::failed("the document is not UTF-8"))
    }

    /// Asks a token server; what it answers.
    pub async fn token(&self, url: &str, authorization: &str, form: String) -> Result<Value, Failure> {
        let (url, client) = self.reach.open(url)?;
        let request = client
            .post(url)
            .header("authorization", authorization)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form);
        let response = request.send().await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        let body = read(response, LARGEST_TOKEN).await?;
        if !status.is_success() {
            return Err(Failure::unavailable(format!("the token server answered {}", status.as_u16())));
        }
        serde_json::from_slice(&body)
            .map_err(|_| Failure::unavailable("the token server's answer is not JSON"))
    }

    /// Sends a request and gives what comes back.
    pub async fn send(&self, prepared: &Prepared) -> Result<Output, Failure> {
        finish(self.response(prepared).await?, LARGEST, &self.secrets).await
    }

    /// The head of the answer, after as many tries as are safe.
    async fn response(&self, prepared: &Prepared) -> Result<Response, Failure> {
        // A second time must not do more than the first.
        let is_safe = matches!(prepared.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE");
        let mut left = if is_safe { self.retries } else { 0 };
        let mut pause = PAUSE;
        loop {
            let result = self.once(prepared).await;
            let wait = match &result {
                _ if left == 0 => None,
                Ok(response) => worth_another(response, pause),
                Err(failure) if failure.kind == FailureKind::Unavailable => Some(pause),
                Err(_) => None,
            };
            let Some(wait) = wait else { return result };
            left -= 1;
            drop(result);
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One try, with its redirects.
    async fn once(&self, prepared: &Prepared) -> Result<Response, Failure> {
        let (mut url, mut client) = self.reach.open(&prepared.address())?;
        let first = url.origin();
        let mut method = prepared.method.clone();
        let mut leg = Leg::Own;
        for _ in 0..=REDIRECTS {
            let request = request(client, &method, url.clone(), prepared, leg)?;
            let response = client.execute(request).await.map_err(|error| self.broken(&error))?;
            let Some(target) = redirect(&response) else { return Ok(response) };
            let target = url.join(&target).map_err(|_| Failure::failed("it redirects to no address"))?;
            (url, client) = self.reach.open(target.as_str())?;
            if url.origin() != first {
                leg = Leg::Away;
            }
            let is_repeated =
                matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
            if !is_repeated && method != "HEAD" {
                // What need not be repeated as it was becomes a plain question.
                method = "GET".to_owned();
            } else if leg == Leg::Away && method != "GET" && method != "HEAD" {
                return Err(Failure::failed(format!(
                    "it redirects a {method} to `{}`; what is sent is not passed on to another origin",
                    url.origin().ascii_serialization()
                )));
            }
        }
        Err(Failure::failed(format!("it redirects more than {REDIRECTS} times")))
    }

    fn broken(&self, error: &reqwest::Error) -> Failure {
        if let Some(refused) = not_public(error) {
            return refused;
        }
        if error.is_timeout() {
            let words = format!("no answer within {} s (`timeout` in its file)", self.timeout.as_secs_f64());
            return Failure::new(FailureKind::Timeout, words);
        }
        Failure::unavailable(format!("the server cannot be reached: {}", innermost(error)))
    }
}

/// An answer that did not come to its end.
pub fn broken_off(error: &reqwest::Error) -> Failure {
    match error.is_timeout() {
        true => Failure::new(
            FailureKind::Timeout,
            "the answer did not come to its end in time (`timeout` in its file)",
        ),
        false => Failure::failed(format!("the answer broke off: {}", innermost(error))),
    }
}

/// The words of the first cause; those around it repeat the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn request(
    client: &Client,
    method: &str,
    url: Url,
    prepared: &Prepared,
    leg: Leg,
) -> Result<Request, Failure> {
    let is_same = method == prepared.method;
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| Failure::arguments("no such method"))?;
    let mut request = client.request(method, url);
    let body = if is_same && leg == Leg::Own { &prepared.body } else { &Content::None };
    let sets = |name: &str| {
        leg == Leg::Own && prepared.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    // Keys and whatever else was meant for the API stay with it.
    if leg == Leg::Own {
        for (name, value) in &prepared.headers {
            // How parts are told apart is only known when they are written.
            let is_ours = matches!(body, Content::Parts(_)) && name.eq_ignore_ascii_case("content-type");
            if !is_ours {
                request = request.header(name, value);
            }
        }
        if !prepared.cookies.is_empty() {
            let cookies = prepared.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            request = request.header(COOKIE, cookies.collect::<Vec<_>>().join("; "));
        }
    }
    if !sets("accept") {
        request = request.header("accept", "application/json, */*;q=0.8");
    }
    request = match body {
        Content::None => request,
        Content::Bytes(_, bytes) if sets("content-type") => request.body(bytes.clone()),
        Content::Bytes(media_type, bytes) => request.header("content-type", media_type).body(bytes.clone()),
        Content::Parts(parts) => request.multipart(form(parts)?),
    };
    request
        .build()
        .map_err(|error| Failure::arguments(format!("the request cannot be made: {}", innermost(&error))))
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
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    match asked.and_then(|text| date::pause(text, SystemTime::now())) {
        Some(asked) if asked > LONGEST_PAUSE => None,
        Some(asked) => Some(asked.max(pause)),
        None => Some(pause),
    }
}

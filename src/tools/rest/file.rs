//! The tool file of an API: where its document is, where its requests go, what they carry.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::Order;
use crate::tools::secrets::{ReferenceError, Secrets, Template};

/// How long a request may take when the file does not say.
const TIMEOUT: u64 = 60;

/// Why a file is no API.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not of the form.
    #[error("{0}")]
    Form(#[from] serde_json::Error),
    /// It contradicts itself.
    #[error("{0}")]
    Wrong(&'static str),
    /// A reference cannot be followed.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    name: String,
    #[serde(rename = "type")]
    _kind: String,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    timeout: Option<f64>,
    #[serde(alias = "openapi", alias = "url")]
    spec: Option<String>,
    base_url: Option<String>,
    #[serde(default)]
    server_variables: Map<String, Value>,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    auth: Vec<RawKey>,
    #[serde(default)]
    endpoints: Vec<Value>,
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    allow_private: Vec<String>,
    retries: Option<u32>,
    #[serde(default)]
    serial: bool,
}

/// One key as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    scheme: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(rename = "in")]
    place: Option<String>,
    name: Option<String>,
    value: Option<String>,
    token: Option<String>,
    username: Option<String>,
    password: Option<String>,
    token_url: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
}

/// Where the operations are described.
#[derive(Debug, Clone)]
pub enum Source {
    /// In a file beside the tool file.
    File(String),
    /// Behind an address.
    Url(String),
    /// In the tool file itself.
    Endpoints(Vec<Value>),
}

/// A key and the scheme of the document that it is for; without one it is for every request.
#[derive(Debug, Clone)]
pub struct Key {
    /// The scheme's name in the document.
    pub scheme: Option<String>,
    /// What is sent.
    pub credential: Credential,
}

/// What is sent to prove who asks.
#[derive(Clone)]
pub enum Credential {
    /// A text in a header, the query or a cookie; place and name come from the scheme where the file has none.
    Value {
        /// `header`, `query` or `cookie`.
        place: Option<String>,
        /// Its name there.
        name: Option<String>,
        /// The secret.
        value: Template,
    },
    /// `Authorization: Bearer`.
    Bearer(Template),
    /// `Authorization: Basic`.
    Basic(Template, Template),
    /// A token is fetched with the client's own credentials.
    Client {
        /// Where from; the scheme says it where the file does not.
        token_url: Option<String>,
        /// Who asks.
        id: String,
        /// The secret.
        secret: Template,
        /// What for.
        scopes: Vec<String>,
    },
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

/// The file with its references followed.
#[derive(Debug)]
pub struct ApiFile {
    /// The namespace.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// How long a request may take.
    pub timeout: Duration,
    /// Where the operations are described.
    pub source: Source,
    /// Where requests go.
    pub base_url: Option<String>,
    /// Values for the variables in the document's servers.
    pub variables: Map<String, Value>,
    /// Sent with every request.
    pub headers: Vec<(String, Template)>,
    /// Keys.
    pub auth: Vec<Key>,
    /// Hosts that may be private, as `host` or `host:port`.
    pub allow_private: Vec<String>,
    /// How often a request that changes nothing twice is tried again.
    pub retries: u32,
    /// Whether its calls wait for each other.
    pub order: Order,
    /// Masks what must not be shown.
    pub secrets: Secrets,
    include: Vec<String>,
    exclude: Vec<String>,
}

impl ApiFile {
    /// Reads a file.
    pub fn read(document: &Map<String, Value>, secrets: &Secrets) -> Result<Self, FileError> {
        let raw: RawFile = serde_json::from_value(Value::Object(document.clone()))?;
        let source = match (raw.spec, raw.endpoints) {
            (Some(spec), endpoints) if endpoints.is_empty() => {
                let spec = secrets.expand(&spec)?;
                if spec.starts_with("http://") || spec.starts_with("https://") {
                    Source::Url(spec)
                } else if spec.starts_with('/') || spec.split('/').any(|part| part == "..") {
                    return Err(FileError::Wrong(
                        "`spec` must be an address or a file below `tools/`, without `..`",
                    ));
                } else {
                    Source::File(spec)
                }
            }
            (None, endpoints) if !endpoints.is_empty() => Source::Endpoints(endpoints),
            _ => return Err(FileError::Wrong("it needs either `spec` or `endpoints`")),
        };
        let seconds = raw.timeout.unwrap_or(TIMEOUT as f64);
        if !(seconds > 0.0 && seconds <= 3600.0) {
            return Err(FileError::Wrong("`timeout` must be seconds, more than 0 and at most 3600"));
        }
        let base_url = raw.base_url.map(|url| secrets.expand(&url)).transpose()?;
        if base_url.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return Err(FileError::Wrong("`base_url` must begin with http:// or https://"));
        }
        let mut variables = Map::new();
        for (name, value) in &raw.server_variables {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            variables.insert(name.clone(), secrets.expand(&value)?.into());
        }
        let mut headers = Vec::new();
        for (name, value) in &raw.headers {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            headers.push((name.clone(), Template::read(&value, secrets)?));
        }
        let auth = raw.auth.into_iter().map(|key| read_key(key, secrets)).collect::<Result<_, _>>()?;
        Ok(Self {
            name: raw.name,
            description: raw.description,
            tags: raw.tags,
            timeout: Duration::from_secs_f64(seconds),
            source,
            base_url,
            variables,
            headers,
            auth,
            allow_private: raw.allow_private,
            retries: raw.retries.unwrap_or(2).min(10),
            order: if raw.serial { Order::Serial } else { Order::Parallel },
            secrets: secrets.clone(),
            include: raw.include,
            exclude: raw.exclude,
        })
    }

    /// The addresses that the file itself names: those may be anywhere.
    pub fn own_addresses(&self) -> impl Iterator<Item = &str> {
        let spec = match &self.source {
            Source::Url(url) => Some(url.as_str()),
            _ => None,
        };
        let tokens = self.auth.iter().filter_map(|key| match &key.credential {
            Credential::Client { token_url, .. } => token_url.as_deref(),
            _ => None,
        });
        self.base_url.as_deref().into_iter().chain(spec).chain(tokens)
    }

    /// Whether requests carry anything that is for the API alone.
    pub fn has_keys(&self) -> bool {
        !self.auth.is_empty() || !self.headers.is_empty()
    }

    /// Whether an operation of this name is wanted.
    pub fn takes(&self, name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, name));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

/// Whether a name fits a pattern, in which `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| fits(after, &rest[at..]))
        }),
    }
}

fn read_key(raw: RawKey, secrets: &Secrets) -> Result<Key, FileError> {
    let read = |text: Option<String>| Template::read(&text.unwrap_or_default(), secrets);
    let credential = match (raw.token, raw.value, raw.username, raw.client_id) {
        (Some(token), None, None, None) => Credential::Bearer(read(Some(token))?),
        (None, Some(value), None, None) => {
            let value = read(Some(value))?;
            Credential::Value { place: raw.place, name: raw.name, value }
        }
        (None, None, Some(username), None) => Credential::Basic(read(Some(username))?, read(raw.password)?),
        (None, None, None, Some(id)) => Credential::Client {
            token_url: raw.token_url.map(|url| secrets.expand(&url)).transpose()?,
            id: secrets.expand(&id)?,
            secret: read(raw.client_secret)?,
            scopes: raw.scopes,
        },
        _ => {
            let words = "each entry of `auth` needs one of `token`, `value`, `username` or `client_id`";
            return Err(FileError::Wrong(words));
        }
    };
    // `type` is for readers: what is given says what it is.
    let _ = raw.kind;
    Ok(Key { scheme: raw.scheme, credential })
}

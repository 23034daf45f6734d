//! Keys: filled into a request by the host, from the tool file, for the schemes that the operation names.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::sync::Mutex;

use super::file::{Credential, Key};
use super::operation::Operation;
use super::reach::is_same_site;
use super::request::{Keep, Prepared, encode};
use super::send::Sender;
use crate::tools::failure::Failure;
use crate::tools::secrets::Template;

/// A fetched token is not used in its last moments.
const MARGIN: Duration = Duration::from_secs(30);

/// How long a token is taken to hold when its server does not say.
const LIFETIME: u64 = 300;

/// No token is kept longer, whatever its server says.
const LONGEST: u64 = 86_400;

const AUTHORIZATION: &str = "Authorization";

/// The keys of one API.
#[derive(Debug)]
pub struct Keys {
    keys: Vec<Prepare>,
}

#[derive(Debug)]
struct Prepare {
    scheme: Option<String>,
    way: Way,
}

/// How a key goes into a request.
enum Way {
    Bearer(Template),
    Basic(Template, Template),
    Header(String, Template),
    Query(String, Template),
    Cookie(String, Template),
    Client {
        token_url: String,
        id: String,
        secret: Template,
        scopes: Vec<String>,
        token: Mutex<Option<Token>>,
    },
}

impl std::fmt::Debug for Way {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

struct Token {
    text: String,
    until: Instant,
}

/// Where the token in a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// It needs none.
    Without,
    /// It was fetched just now.
    Fetched,
    /// It was kept from before.
    Kept,
}

impl Keys {
    /// The file's keys for the schemes of a document; `place` is the document's address if it has one.
    pub fn new(keys: &[Key], schemes: &HashMap<String, Value>, place: Option<&str>) -> Result<Self, String> {
        let keys = keys.iter().map(|key| prepare(key, schemes, place)).collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// Puts into a request what its operation can be called with; of two keys for the same place the first.
    pub async fn apply(
        &self,
        prepared: &mut Prepared,
        operation: &Operation,
        sender: &Sender,
    ) -> Result<Freshness, Failure> {
        let mut used: Vec<(&str, &str)> = Vec::new();
        let mut freshness = Freshness::Without;
        for key in &self.keys {
            let is_meant = match (&key.scheme, &operation.security) {
                (Some(scheme), Some(wanted)) => wanted.contains(scheme),
                (None, Some(wanted)) => !wanted.is_empty(),
                (_, None) => true,
            };
            if is_meant && !used.contains(&key.way.place()) {
                used.push(key.way.place());
                freshness = freshness.max(key.way.apply(prepared, sender).await?);
            }
        }
        Ok(freshness)
    }

    /// Whether a key of the file fills this place: `header`, `query` or `cookie`, and a name.
    pub fn fill(&self, place: &str, name: &str) -> bool {
        self.keys.iter().map(|key| key.way.place()).any(|(at, known)| {
            at == place && (known == name || at == "header" && known.eq_ignore_ascii_case(name))
        })
    }

    /// Lets go of the tokens that this request carries, for its server does not take them any more.
    pub async fn forget(&self, prepared: &Prepared) {
        for key in &self.keys {
            let Way::Client { token, .. } = &key.way else { continue };
            let mut kept = token.lock().await;
            let is_sent = |token: &Token| {
                let text = format!("Bearer {}", token.text);
                prepared.headers.iter().any(|(_, value)| *value == text)
            };
            // Another call may have fetched a new one already.
            if kept.as_ref().is_some_and(is_sent) {
                *kept = None;
            }
        }
    }
}

fn prepare(key: &Key, schemes: &HashMap<String, Value>, place: Option<&str>) -> Result<Prepare, String> {
    let scheme = match &key.scheme {
        None => None,
        Some(name) => {
            let known = schemes.get(name);
            if known.is_none() && !schemes.is_empty() {
                let mut names: Vec<&str> = schemes.keys().map(String::as_str).collect();
                names.sort_unstable();
                return Err(format!(
                    "its document has no security scheme `{name}`; there are {}",
                    names.join(", ")
                ));
            }
            known
        }
    };
    let said =
        |key: &str| scheme.and_then(|scheme| scheme.get(key)).and_then(Value::as_str).map(str::to_owned);
    let way = match key.credential.clone() {
        Credential::Bearer(token) => Way::Bearer(token),
        Credential::Basic(name, password) => Way::Basic(name, password),
        Credential::Value { place, name, value } => {
            let name = name.or_else(|| said("name"));
            let name = name.ok_or("a key with `value` needs a `name`, in the tool file or its scheme")?;
            match place.or_else(|| said("in")).as_deref() {
                Some("header") | None => Way::Header(name, value),
                Some("query") => Way::Query(name, value),
                Some("cookie") => Way::Cookie(name, value),
                Some(other) => return Err(format!("a key is in header, query or cookie, not `{other}`")),
            }
        }
        Credential::Client { token_url, id, secret, scopes } => {
            let named = scheme.and_then(|scheme| scheme.pointer("/flows/clientCredentials/tokenUrl"));
            let token_url = match (token_url, named.and_then(Value::as_str)) {
                (Some(url), _) => url,
                (None, Some(url)) if place.is_none_or(|place| is_same_site(place, url)) => url.to_owned(),
                (None, Some(url)) => {
                    return Err(format!(
                        "its document wants the client's secret at `{url}`, another site than its own; if that is \
                         right, say `token_url` in the tool file"
                    ));
                }
                (None, None) => {
                    let words = "a key with `client_id` needs a `token_url`, in the tool file or its scheme";
                    return Err(words.to_owned());
                }
            };
            Way::Client { token_url, id, secret, scopes, token: Mutex::new(None) }
        }
    };
    Ok(Prepare { scheme: key.scheme.clone(), way })
}

impl Way {
    /// Where it goes, and under which name.
    fn place(&self) -> (&str, &str) {
        match self {
            Self::Header(name, _) if name.eq_ignore_ascii_case(AUTHORIZATION) => ("header", AUTHORIZATION),
            Self::Header(name, _) => ("header", name),
            Self::Query(name, _) => ("query", name),
            Self::Cookie(name, _) => ("cookie", name),
            Self::Bearer(_) | Self::Basic(..) | Self::Client { .. } => ("header", AUTHORIZATION),
        }
    }

    async fn apply(&self, prepared: &mut Prepared, sender: &Sender) -> Result<Freshness, Failure> {
        match self {
            Self::Bearer(token) => {
                let token = sender.key(token).await?;
                prepared.set_header(AUTHORIZATION, &format!("Bearer {token}"));
            }
            Self::Basic(name, password) => {
                let (name, password) = (sender.value(name).await?, sender.key(password).await?);
                let pair = STANDARD.encode(format!("{name}:{password}"));
                sender.learn(&pair);
                prepared.set_header(AUTHORIZATION, &format!("Basic {pair}"));
            }
            Self::Header(name, value) => prepared.set_header(name, &sender.key(value).await?),
            Self::Query(name, value) => {
                let (name, value) = (encode(name, Keep::Nothing), sender.key(value).await?);
                prepared.query.retain(|(known, _)| *known != name);
                prepared.query.push((name, encode(&value, Keep::Nothing)));
            }
            Self::Cookie(name, value) => {
                let value = sender.key(value).await?;
                prepared.cookies.retain(|(known, _)| known != name);
                prepared.cookies.push((name.clone(), value));
            }
            Self::Client { token_url, id, secret, scopes, token } => {
                // Held over the request: of a hundred calls at once, one fetches the token.
                let mut kept = token.lock().await;
                if let Some(token) = kept.as_ref().filter(|token| token.until > Instant::now()) {
                    prepared.set_header(AUTHORIZATION, &format!("Bearer {}", token.text));
                    return Ok(Freshness::Kept);
                }
                let secret = sender.key(secret).await?;
                let (text, seconds) = fetch(sender, token_url, id, &secret, scopes).await?;
                prepared.set_header(AUTHORIZATION, &format!("Bearer {text}"));
                let until = Instant::now() + Duration::from_secs(seconds).saturating_sub(MARGIN);
                *kept = Some(Token { text, until });
                return Ok(Freshness::Fetched);
            }
        }
        Ok(Freshness::Without)
    }
}

async fn fetch(
    sender: &Sender,
    url: &str,
    id: &str,
    secret: &str,
    scopes: &[String],
) -> Result<(String, u64), Failure> {
    let mut form = "grant_type=client_credentials".to_owned();
    if !scopes.is_empty() {
        form.push_str("&scope=");
        form.push_str(&encode(&scopes.join(" "), Keep::Nothing));
    }
    let basic = STANDARD.encode(format!("{}:{}", encode(id, Keep::Nothing), encode(secret, Keep::Nothing)));
    sender.learn(&basic);
    let answer = sender.token(url, &format!("Basic {basic}"), form).await?;
    let Some(token) = answer.get("access_token").and_then(Value::as_str) else {
        return Err(Failure::unavailable("the token server gave no `access_token`"));
    };
    let seconds = answer.get("expires_in").and_then(Value::as_u64).unwrap_or(LIFETIME).min(LONGEST);
    sender.learn(token);
    Ok((token.to_owned(), seconds))
}

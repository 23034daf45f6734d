//! Keys: filled into a request by the host, from the tool file, for the schemes that the operation names.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::sync::Mutex;

use super::file::{Credential, Key};
use super::operation::Operation;
use super::request::{Keep, Prepared, encode};
use super::send::Sender;
use crate::tools::failure::Failure;

/// A fetched token is not used in its last moments.
const MARGIN: Duration = Duration::from_secs(30);

/// How long a token is taken to hold when its server does not say.
const LIFETIME: u64 = 300;

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
    Header(String, String),
    Query(String, String),
    Cookie(String, String),
    Client { token_url: String, id: String, secret: String, scopes: Vec<String>, token: Mutex<Option<Token>> },
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

impl Keys {
    /// The file's keys for the document's schemes.
    pub fn new(keys: &[Key], schemes: &HashMap<String, Value>) -> Result<Self, String> {
        let keys = keys.iter().map(|key| prepare(key, schemes)).collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// Puts into a request what its operation can be called with.
    pub async fn apply(
        &self,
        prepared: &mut Prepared,
        operation: &Operation,
        sender: &Sender,
    ) -> Result<(), Failure> {
        for key in &self.keys {
            let is_meant = match (&key.scheme, &operation.security) {
                (Some(scheme), Some(wanted)) => wanted.contains(scheme),
                _ => true,
            };
            if is_meant {
                key.way.apply(prepared, sender).await?;
            }
        }
        Ok(())
    }
}

fn prepare(key: &Key, schemes: &HashMap<String, Value>) -> Result<Prepare, String> {
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
    let authorization = |text: String| Way::Header("Authorization".to_owned(), text);
    let way = match key.credential.clone() {
        Credential::Bearer(token) => authorization(format!("Bearer {token}")),
        Credential::Basic(name, password) => {
            authorization(format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))
        }
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
            let flow = scheme.and_then(|scheme| scheme.pointer("/flows/clientCredentials/tokenUrl"));
            let url = token_url.or_else(|| flow.and_then(Value::as_str).map(str::to_owned));
            let token_url =
                url.ok_or("a key with `client_id` needs a `token_url`, in the tool file or its scheme")?;
            Way::Client { token_url, id, secret, scopes, token: Mutex::new(None) }
        }
    };
    Ok(Prepare { scheme: key.scheme.clone(), way })
}

impl Way {
    async fn apply(&self, prepared: &mut Prepared, sender: &Sender) -> Result<(), Failure> {
        match self {
            Self::Header(name, value) => prepared.headers.push((name.clone(), value.clone())),
            Self::Query(name, value) => {
                prepared.query.push((encode(name, Keep::Nothing), encode(value, Keep::Nothing)));
            }
            Self::Cookie(name, value) => prepared.cookies.push((name.clone(), value.clone())),
            Self::Client { token_url, id, secret, scopes, token } => {
                let mut kept = token.lock().await;
                let text = match kept.as_ref().filter(|token| token.until > Instant::now()) {
                    Some(token) => token.text.clone(),
                    None => {
                        let (text, seconds) = fetch(sender, token_url, id, secret, scopes).await?;
                        let until = Instant::now() + Duration::from_secs(seconds).saturating_sub(MARGIN);
                        *kept = Some(Token { text: text.clone(), until });
                        text
                    }
                };
                prepared.headers.push(("Authorization".to_owned(), format!("Bearer {text}")));
            }
        }
        Ok(())
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
    let answer = sender.token(url, &format!("Basic {basic}"), form).await?;
    let Some(token) = answer.get("access_token").and_then(Value::as_str) else {
        return Err(Failure::unavailable("the token server gave no `access_token`"));
    };
    let seconds = answer.get("expires_in").and_then(Value::as_u64).unwrap_or(LIFETIME);
    sender.learn(token);
    Ok((token.to_owned(), seconds))
}

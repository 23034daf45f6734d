//! What may be reached: the public internet, and beyond it only the hosts that the tool file itself names.
//!
//! A host is named with its port; the same host is closed on all other ports, unless `allow_private` names it without one.
//! Names are judged where they are resolved, and the address that was judged is the one that is dialled.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url};

use super::file::ApiFile;
use crate::network::address::is_public;
use crate::tools::failure::{Failure, FailureKind};
use crate::tools::web;

/// Two clients: one for what the tool file names, one for all else.
#[derive(Debug, Clone)]
pub struct Reach {
    named: Arc<Vec<String>>,
    anywhere: Client,
    public: Client,
}

/// A name has no public address.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not on the public internet; the tool file can name it in `allow_private`")]
pub struct NotPublic(String);

/// Resolves names, and drops the addresses that are not public.
#[derive(Debug)]
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let usable: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if usable.is_empty() {
                return Err(NotPublic(host).into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

impl Reach {
    /// For this file's requests.
    pub fn new(file: &ApiFile) -> Result<Self, reqwest::Error> {
        let own = file.own_addresses().filter_map(|address| Some(host_and_port(&Url::parse(address).ok()?)));
        let named = file
            .allow_private
            .iter()
            .map(|host| host.to_ascii_lowercase().replace(['[', ']'], ""))
            .chain(own)
            .collect();
        let builder = || web::builder().timeout(file.timeout);
        let public = builder().dns_resolver(Arc::new(PublicOnly)).build()?;
        Ok(Self { named: Arc::new(named), anywhere: builder().build()?, public })
    }

    /// An address that can be tried, and the client that may.
    pub fn open(&self, address: &str) -> Result<(Url, &Client), Failure> {
        let url = parse(address)?;
        let both = host_and_port(&url);
        let host = bare_host(&url);
        if self.named.iter().any(|named| *named == both || *named == host) {
            return Ok((url, &self.anywhere));
        }
        // Numbers are not resolved, so they are judged here.
        if host.parse::<IpAddr>().is_ok_and(|address| !is_public(address)) {
            return Err(Failure::new(FailureKind::Denied, NotPublic(both).to_string()));
        }
        Ok((url, &self.public))
    }
}

/// Whether a request failed because its host is not public.
pub fn not_public(error: &reqwest::Error) -> Option<Failure> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<NotPublic>() {
            return Some(Failure::new(FailureKind::Denied, refused.to_string()));
        }
        cause = error.source();
    }
    None
}

/// An address of http or https with a host and nobody's name in it.
pub fn parse(address: &str) -> Result<Url, Failure> {
    let url = Url::parse(address)
        .map_err(|error| Failure::failed(format!("the address cannot be used: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Failure::failed(format!("`{}:` is neither http nor https", url.scheme())));
    }
    if url.host_str().is_none() {
        return Err(Failure::failed("the address has no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Failure::failed("the address has a user's name in it; keys belong into `auth`"));
    }
    Ok(url)
}

fn bare_host(url: &Url) -> String {
    url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase()
}

fn host_and_port(url: &Url) -> String {
    match url.port_or_known_default() {
        Some(port) => format!("{}:{port}", bare_host(url)),
        None => bare_host(url),
    }
}

/// Whether what `place` says may send keys to `target`: the same host, or one of the two below the other's name; and never
/// from https to http.
pub fn is_same_site(place: &str, target: &str) -> bool {
    let (Ok(place), Ok(target)) = (parse(place), parse(target)) else { return false };
    if place.scheme() == "https" && target.scheme() != "https" {
        return false;
    }
    let (one, other) = (bare_host(&place), bare_host(&target));
    let is_below = |name: &str, parent: &str| {
        parent.contains('.')
            && name.parse::<IpAddr>().is_err()
            && name.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
    };
    one == other || is_below(&one, &other) || is_below(&other, &one)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::secrets::Secrets;

    fn reach(allow: &[&str]) -> Reach {
        let file = json!({
            "name": "x", "type": "rest", "base_url": "http://127.0.0.1:8080/v1", "allow_private": allow,
            "endpoints": [{"name": "a", "path": "/a"}],
        });
        let file = ApiFile::read(
            file.as_object().unwrap(),
            &Secrets::new(std::path::Path::new(""), Arc::new(|_| None)),
        )
        .unwrap();
        Reach::new(&file).unwrap()
    }

    #[test]
    fn only_what_the_file_names_may_be_private() {
        let check = |allow: &[&str], address: &str, expected: bool| {
            assert_eq!(reach(allow).open(address).is_ok(), expected, "{allow:?} {address}");
        };
        check(&[], "http://127.0.0.1:8080/x", true);
        check(&[], "http://127.0.0.1:8081/x", false);
        check(&[], "http://127.0.0.1/x", false);
        check(&["127.0.0.1"], "http://127.0.0.1:8081/x", true);
        check(&["[::1]:80", "::1"], "http://[::1]/x", true);
        check(&[], "https://1.1.1.1/", true);
        for private in [
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1:80/",
            "http://169.254.169.254/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[fe80::1]/",
            "http://10.1.2.3/",
            "http://0.0.0.0/",
            "http://①②⑦.0.0.1/",
            "http://[64:ff9b::7f00:1]/",
        ] {
            check(&[], private, false);
        }
        for strange in [
            "ftp://1.1.1.1/",
            "file:///etc/passwd",
            "http://a@1.1.1.1/",
            "http://a:b@1.1.1.1/",
            "http://",
            "x",
        ] {
            check(&[], strange, false);
        }
    }

    #[tokio::test]
    async fn names_are_judged_by_what_they_resolve_to() {
        for name in ["localhost", "LOCALHOST"] {
            let address = format!("http://{name}:9/");
            let reach = reach(&[]);
            let (url, client) = reach.open(&address).unwrap();
            let error = client.get(url).send().await.unwrap_err();
            assert!(
                not_public(&error).is_some_and(|failure| failure.kind == FailureKind::Denied),
                "{name}: {error:?}"
            );
        }
    }

    #[test]
    fn keys_stay_on_their_site() {
        let check = |place: &str, target: &str, expected: bool| {
            assert_eq!(is_same_site(place, target), expected, "{place} {target}");
        };
        check("https://api.example.org/spec", "https://api.example.org:8443/t", true);
        check("https://example.org/spec", "https://api.example.org/t", true);
        check("https://api.example.org/spec", "https://example.org/t", true);
        check("http://127.0.0.1:1/spec", "http://127.0.0.1:2/t", true);
        check("https://api.example.org/spec", "http://api.example.org/t", false);
        check("https://api.example.org/spec", "https://api.example.org.evil.example/t", false);
        check("https://api.example.org/spec", "https://notexample.org/t", false);
        check("https://a.github.io/spec", "https://b.github.io/t", false);
        check("https://evil.example/spec", "https://api.example.org@evil.example/t", false);
        check("https://org/spec", "https://example.org/t", false);
        check("http://1.2.3.4/spec", "http://2.3.4/t", false);
        check("https://api.example.org/spec", "/t", false);
    }
}

//! A file from the network into a file of ours: bounded by its known size, compared with its known sum.
//!
//! The way there is the user's own: their index, their proxies, their authorities. Addresses may hold passwords, so only
//! hosts are ever named.

use std::fs::File as Handle;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{Certificate, Client, NoProxy, Proxy, Response, Url};
use sha2::{Digest, Sha256};

use super::error::ModelError;
use super::pages;
use super::shelf::hex;
use crate::config::{Place, Way};

/// How long a connection may take to be made, and how long nothing may come.
const CONNECT: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(60);

/// The largest page of an index that is read, in bytes; those of packages with many files have several megabytes.
const PAGE: usize = 64 << 20;

/// The largest file of authorities, in bytes.
const CERTIFICATES: u64 = 16 << 20;

/// What a file must be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Its name, for messages.
    pub name: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in hex.
    pub sum: &'a str,
}

/// The way to the network.
#[derive(Debug)]
pub struct Web {
    client: Client,
    place: Place,
}

impl Web {
    /// The way that the user's own tools take.
    pub fn over(way: &Way) -> Result<Self, ModelError> {
        let place = way.place();
        // The second time somebody was first, with the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("actwright/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .no_proxy();
        let [secure, plain] = &way.proxies;
        let proxies = [(secure, Proxy::https as fn(String) -> _), (plain, Proxy::http)];
        for (address, kind) in proxies {
            let Some(address) = address else { continue };
            let proxy =
                kind(address.clone()).map_err(|_| ModelError::Address { what: "the proxy".to_owned() })?;
            builder = builder.proxy(proxy.no_proxy(way.no_proxy.as_deref().and_then(NoProxy::from_string)));
        }
        if let Some(path) = &place.certificates {
            builder = builder.tls_certs_merge(certificates(path)?);
        }
        let client = builder.build().map_err(|error| ModelError::Engine { what: innermost(&error) })?;
        Ok(Self { client, place })
    }

    /// The address of a file of a package, as the index says it.
    pub async fn find(&self, package: &str, name: &str) -> Result<Url, ModelError> {
        let index = self.place.index.as_deref().ok_or(ModelError::Barred)?;
        let page = url(&format!("{}/{package}/", index.trim_end_matches('/')), "the package index")?;
        let response = self.get(&page, package).await?;
        // Where it was answered, because links are relative to that.
        let place = response.url().clone();
        let text = String::from_utf8_lossy(&bounded(response, PAGE, &host(&page)).await?).into_owned();
        let missing = || ModelError::Missing { host: host(&page), name: name.to_owned() };
        let wanted = name.to_owned();
        let read = tokio::task::spawn_blocking(move || pages::address(&text, &wanted)).await;
        let address = read.ok().flatten().ok_or_else(missing)?;
        let mut found = place.join(&address).map_err(|_| ModelError::Address { what: name.to_owned() })?;
        // An index that is reached safely does not lead to an unsafe place.
        if !["https", page.scheme()].contains(&found.scheme()) {
            return Err(ModelError::Address { what: name.to_owned() });
        }
        // The client takes the password out of the page's address. Files in the same place ask for it as well; others never get it.
        if found.origin() == page.origin() && found.username().is_empty() && found.password().is_none() {
            let given = found.set_username(page.username()).and(found.set_password(page.password()));
            given.map_err(|()| ModelError::Address { what: name.to_owned() })?;
        }
        Ok(found)
    }

    /// The address of a file in a repository of the hub.
    pub fn hub(&self, repository: &str, revision: &str, path: &str) -> Result<Url, ModelError> {
        url(&format!("{}/{repository}/resolve/{revision}/{path}", self.place.hub), "the model hub")
    }

    /// Fetches into a new file, telling how many bytes came. What is not as expected is an error, and the file is no use.
    pub async fn fetch(
        &self,
        address: &Url,
        expected: Expected<'_>,
        into: &Path,
        came: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), ModelError> {
        let different = |what: String| ModelError::Different { name: expected.name.to_owned(), what };
        let write = |cause| ModelError::disk("write", into, cause);
        let mut response = self.get(address, expected.name).await?;
        let mut file = Handle::create_new(into).map_err(write)?;
        let (mut sum, mut size) = (Sha256::new(), 0_u64);
        loop {
            let part = response.chunk().await.map_err(|error| unreachable(address, &error))?;
            let Some(part) = part else { break };
            size += part.len() as u64;
            if size > expected.size {
                return Err(different(format!("it has more than {} bytes", expected.size)));
            }
            sum.update(&part);
            file.write_all(&part).map_err(write)?;
            came(part.len() as u64);
        }
        if size != expected.size {
            return Err(different(format!("it has {size} bytes and not {}", expected.size)));
        }
        let sum = hex(&sum.finalize());
        if sum != expected.sum {
            return Err(different(format!("its SHA-256 is {sum} and not {}", expected.sum)));
        }
        // This may take long, and whoever has a session must not wait for it.
        let synced = tokio::task::spawn_blocking(move || file.sync_all()).await;
        synced.map_err(|_| ModelError::Ended)?.map_err(write)
    }

    async fn get(&self, address: &Url, what: &str) -> Result<Response, ModelError> {
        let request = self.client.get(address.clone()).header(ACCEPT, pages::ACCEPT);
        // A file is taken as it is, not as an index.
        let request = if address.path().ends_with('/') { request } else { self.client.get(address.clone()) };
        let response = request.send().await.map_err(|error| unreachable(address, &error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        Err(ModelError::Refused { host: host(address), status: status.as_u16(), what: what.to_owned() })
    }
}

async fn bounded(mut response: Response, most: usize, host: &str) -> Result<Vec<u8>, ModelError> {
    let mut all = Vec::new();
    loop {
        let part = response.chunk().await;
        let failed =
            |error: reqwest::Error| ModelError::Unreachable { host: host.to_owned(), why: innermost(&error) };
        let Some(part) = part.map_err(failed)? else { return Ok(all) };
        if all.len() + part.len() > most {
            return Err(ModelError::Different {
                name: format!("the page of {host}"),
                what: format!("it has more than {most} bytes"),
            });
        }
        all.extend_from_slice(&part);
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, ModelError> {
    let read = |cause| ModelError::disk("read", path, cause);
    let about = std::fs::metadata(path).map_err(read)?;
    if !about.is_file() || about.len() > CERTIFICATES {
        return Err(read(std::io::Error::other("it is no file of certificates")));
    }
    let text = std::fs::read(path).map_err(read)?;
    Certificate::from_pem_bundle(&text).map_err(|error| read(std::io::Error::other(innermost(&error))))
}

fn url(text: &str, what: &str) -> Result<Url, ModelError> {
    let parsed = Url::parse(text).ok().filter(|url| ["https", "http"].contains(&url.scheme()));
    parsed.ok_or_else(|| ModelError::Address { what: what.to_owned() })
}

fn host(address: &Url) -> String {
    let host = address.host_str().unwrap_or("nobody");
    address.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn unreachable(address: &Url, error: &reqwest::Error) -> ModelError {
    ModelError::Unreachable { host: host(address), why: innermost(error) }
}

/// The last of the causes, which names no address.
fn innermost(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    while let Some(cause) = last.source() {
        last = cause;
    }
    match last.downcast_ref::<reqwest::Error>() {
        Some(_) => "the answer broke off".to_owned(),
        None => last.to_string(),
    }
}

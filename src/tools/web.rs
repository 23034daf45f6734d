//! The HTTP client of tools: one place that says how it connects, whom it trusts, how long it waits.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// A builder with our settings; redirects are not followed, because each has to be looked at.
pub fn builder() -> ClientBuilder {
    // The second time somebody was first, with the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("actwright/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .redirect(Policy::none())
        .no_proxy()
}

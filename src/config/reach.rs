//! What `sandbox.network` may look like: a word, or a list of hosts.
//!
//! Which words and hosts there are is checked in `checks`; this is form alone.

use std::convert::Infallible;
use std::str::FromStr;

use serde::Deserialize;

/// The value as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected \"none\", \"full\" or a list of hosts")]
pub enum Reach {
    /// `"none"`, `"full"`.
    Word(String),
    /// `["example.org", "*.example.net:443"]`.
    Hosts(Vec<String>),
}

/// In the environment and on the command line hosts are separated by `,`. A single text without a dot or colon is taken
/// for a word, so that a misspelt one is not taken for a host.
impl FromStr for Reach {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if !text.contains([',', '.', ':']) {
            return Ok(Self::Word(text.to_owned()));
        }
        Ok(Self::Hosts(text.split(',').map(|host| host.trim().to_owned()).collect()))
    }
}

//! What the installer gets of the server's surroundings: the user's own configuration of indexes, proxies and certificates.

use std::path::PathBuf;
use std::sync::Arc;

use super::installer::Python;

/// Variables that an installer gets; those of uv and pip come on top.
const PASSED_ON: [&str; 24] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TMPDIR",
    "TZ",
    "XDG_CONFIG_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_CACHE_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NETRC",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Variables of uv and pip that say where or how to install, which is ours to say.
const OURS: [&str; 12] = [
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_NO_DEPS",
    "PIP_REPORT",
    "PIP_DRY_RUN",
    "PIP_PYTHON",
    "PIP_EDITABLE",
    "UV_PYTHON",
    "UV_PROJECT_ENVIRONMENT",
];

/// See the module.
#[derive(Clone)]
pub struct Surroundings {
    /// The server's variables.
    pub environment: Vec<(String, String)>,
    /// `uv`, where it is on `PATH`.
    pub uv: Option<PathBuf>,
    /// The interpreter that sessions run on; asked for when it is needed.
    pub python: Arc<dyn Fn() -> Result<Python, String> + Send + Sync>,
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The values may be secrets.
        f.debug_struct("Surroundings").field("uv", &self.uv).finish_non_exhaustive()
    }
}

impl Surroundings {
    /// None: nothing can be installed.
    pub fn none() -> Self {
        let python = Arc::new(|| Err("there is none to install for".to_owned()));
        Self { environment: Vec::new(), uv: None, python }
    }

    /// The installer's whole environment.
    pub fn passed_on(&self) -> Vec<(String, String)> {
        let is_passed = |name: &str| {
            let is_theirs = name.starts_with("UV_") || name.starts_with("PIP_");
            (is_theirs && !OURS.contains(&name)) || PASSED_ON.contains(&name)
        };
        self.environment.iter().filter(|(name, _)| is_passed(name)).cloned().collect()
    }
}

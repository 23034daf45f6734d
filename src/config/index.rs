//! How package indexes and the hub of models are reached: as the user's own pip and uv do.
//!
//! The environment is looked at when the program starts, the files of pip and uv only when something is to be fetched.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::env::Environment;

/// Asks pip where Python's packages are when nothing else is said.
const USUAL: &str = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";

/// How long pip may take to say it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where models are when nothing else is said.
const HUB: &str = "https://huggingface.co";

/// The largest file of configuration that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What is known before any file is read.
#[derive(Clone, Default)]
pub struct Way {
    index: Option<String>,
    is_barred: bool,
    certificates: Option<PathBuf>,
    files: Vec<File>,
    hub: Option<String>,
    /// Interpreters that may have pip.
    pythons: Vec<PathBuf>,
    /// The proxies for addresses of `https` and of `http`.
    pub proxies: [Option<String>; 2],
    /// The hosts that are reached without them.
    pub no_proxy: Option<String>,
}

/// A file of configuration, by whose it is.
#[derive(Clone)]
enum File {
    Pip(PathBuf),
    Uv(PathBuf),
}

/// What came of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// The address of the index, or nothing where pip is told to use none, or says none.
    pub index: Option<String>,
    /// Whether pip is told to use none.
    pub is_barred: bool,
    /// A file of further authorities to trust.
    pub certificates: Option<PathBuf>,
    /// The address of the hub.
    pub hub: String,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Addresses may hold passwords.
        formatter.debug_struct("Way").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Place").finish_non_exhaustive()
    }
}

impl Way {
    /// What the environment says.
    pub fn of(environment: &Environment) -> Self {
        let proxy = |name: &str| environment.way(name).or_else(|| environment.way("ALL_PROXY"));
        let barred = environment.way("PIP_NO_INDEX").unwrap_or_default();
        let index = ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"];
        let certificates = ["PIP_CERT", "SSL_CERT_FILE"];
        Self {
            index: index.iter().find_map(|name| environment.way(name)),
            is_barred: is_true(&barred),
            certificates: certificates.iter().find_map(|name| environment.way(name)).map(PathBuf::from),
            files: files(environment),
            hub: environment.way("HF_ENDPOINT"),
            pythons: ["python3", "python"].iter().filter_map(|name| environment.on_path(name)).collect(),
            proxies: [proxy("HTTPS_PROXY"), proxy("HTTP_PROXY")],
            no_proxy: environment.way("NO_PROXY"),
        }
    }

    /// The same with what the files say. Those that cannot be read say nothing.
    pub fn place(&self) -> Place {
        let (mut index, mut certificates) = (self.index.clone(), self.certificates.clone());
        let mut is_barred = self.is_barred;
        for file in &self.files {
            let said = match file {
                File::Pip(path) => text(path).map(|text| pip(&text)),
                File::Uv(path) => text(path).map(|text| uv(&text)),
            };
            let Some(said) = said else { continue };
            index = index.or(said.index);
            certificates = certificates.or(said.certificates);
            is_barred |= said.is_barred;
        }
        let usual = || self.pythons.iter().find_map(|python| usual_index(python));
        let index = if is_barred { None } else { index.or_else(usual) };
        let hub = self.hub.as_deref().unwrap_or(HUB).trim_end_matches('/').to_owned();
        Place { index, is_barred, certificates, hub }
    }
}

/// The index that this interpreter's pip uses when nobody says which.
fn usual_index(python: &Path) -> Option<String> {
    let mut asked = Command::new(python)
        .args(["-I", "-c", USUAL])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let until = Instant::now() + PATIENCE;
    while asked.try_wait().ok()?.is_none() {
        if Instant::now() > until {
            // It cannot refuse.
            let _ = asked.kill();
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let said = asked.wait_with_output().ok().filter(|said| said.status.success())?;
    let index = String::from_utf8(said.stdout).ok()?.trim().to_owned();
    index.starts_with("https://").then_some(index)
}

/// The files in which an index may be named, the most particular first.
fn files(environment: &Environment) -> Vec<File> {
    let mut files = Vec::new();
    let named = environment.way("PIP_CONFIG_FILE").map(PathBuf::from);
    // This is how pip is told to read no file.
    let is_silent = named.as_deref() == Some(Path::new("/dev/null"));
    let mut pip = Vec::new();
    pip.extend(named);
    pip.extend(environment.virtual_env().map(|venv| venv.join("pip.conf")));
    pip.extend(environment.config_home().map(|home| home.join("pip/pip.conf")));
    pip.extend(environment.home().map(|home| home.join(".pip/pip.conf")));
    if !is_silent {
        files.extend(pip.into_iter().map(File::Pip));
    }
    files.extend(environment.way("UV_CONFIG_FILE").map(|path| File::Uv(path.into())));
    files.extend(environment.config_home().map(|home| File::Uv(home.join("uv/uv.toml"))));
    if !is_silent {
        files.extend(["/etc/pip.conf", "/etc/xdg/pip/pip.conf"].map(|path| File::Pip(path.into())));
    }
    files.push(File::Uv("/etc/uv/uv.toml".into()));
    files
}

fn text(path: &Path) -> Option<String> {
    let about = std::fs::metadata(path).ok()?;
    if !about.is_file() || about.len() > LARGEST {
        return None;
    }
    std::fs::read_to_string(path).ok()
}

#[derive(Debug, Default, PartialEq)]
struct Said {
    index: Option<String>,
    certificates: Option<PathBuf>,
    is_barred: bool,
}

/// `pip.conf`: sections of `name = value`. What is said for `download` beats what is said for all commands.
fn pip(text: &str) -> Said {
    let (mut section, mut found) = (String::new(), [Said::default(), Said::default()]);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim().to_owned();
            continue;
        }
        let rank = match section.as_str() {
            "download" => 0,
            "global" => 1,
            _ => continue,
        };
        let Some((name, value)) = line.split_once(['=', ':']) else { continue };
        let value = value.trim();
        match name.trim().replace('_', "-").as_str() {
            "index-url" => found[rank].index = Some(value.to_owned()),
            "cert" => found[rank].certificates = Some(value.into()),
            "no-index" => found[rank].is_barred = is_true(value),
            _ => {}
        }
    }
    let [own, all] = found;
    Said {
        index: own.index.or(all.index),
        certificates: own.certificates.or(all.certificates),
        is_barred: own.is_barred || all.is_barred,
    }
}

/// `uv.toml`: the index that is the default, or the older `index-url`.
fn uv(text: &str) -> Said {
    let Ok(table) = text.parse::<toml::Table>() else { return Said::default() };
    let listed = table.get("index").and_then(toml::Value::as_array).into_iter().flatten();
    let default = listed
        .filter(|index| index.get("default").and_then(toml::Value::as_bool) == Some(true))
        .find_map(|index| index.get("url"));
    let older = table.get("index-url").or_else(|| table.get("pip").and_then(|pip| pip.get("index-url")));
    let index = default.or(older).and_then(toml::Value::as_str).map(str::to_owned);
    let is_barred = table.get("no-index").and_then(toml::Value::as_bool) == Some(true);
    Said { index, certificates: None, is_barred }
}

fn is_true(text: &str) -> bool {
    ["1", "true", "yes", "on"].contains(&text.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::of(pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    #[test]
    fn files_of_pip_and_uv_are_read_as_they_are_written() {
        let text = "[global]\nindex-url = https://a.example/simple\ncert: /ca.pem\n[install]\nindex-url = https://b.example\n";
        let said = pip(text);
        assert_eq!(said.index.as_deref(), Some("https://a.example/simple"));
        assert_eq!(said.certificates.as_deref(), Some(Path::new("/ca.pem")));
        let said = pip(
            "[download]\nindex_url=https://c.example\n[global]\nindex-url=https://a.example\nno-index = yes",
        );
        assert_eq!((said.index.as_deref(), said.is_barred), (Some("https://c.example"), true));
        let said = uv(
            "[[index]]\nurl = 'https://x.example'\n[[index]]\nurl = 'https://d.example'\ndefault = true\n",
        );
        assert_eq!(said.index.as_deref(), Some("https://d.example"));
        assert_eq!(uv("index-url = 'https://e.example'").index.as_deref(), Some("https://e.example"));
        assert_eq!(uv("not toml ["), Said::default());
    }

    #[test]
    fn the_environment_beats_files_and_files_beat_the_default() {
        let room = tempfile::tempdir().unwrap();
        let conf = room.path().join("pip.conf");
        std::fs::write(&conf, "[global]\nindex-url = https://file.example\n").unwrap();
        let conf = conf.to_str().unwrap();
        let place = |pairs: &[(&str, &str)]| Way::of(&environment(pairs)).place();
        assert_eq!(place(&[("PIP_CONFIG_FILE", conf)]).index.as_deref(), Some("https://file.example"));
        let both = [("PIP_CONFIG_FILE", conf), ("UV_DEFAULT_INDEX", "https://env.example")];
        assert_eq!(place(&both).index.as_deref(), Some("https://env.example"));
        // Without a file that names one and without a pip there is none.
        assert_eq!(place(&[("PIP_CONFIG_FILE", "/dev/null")]).index, None);
        let python = room.path().join("python3");
        std::fs::write(&python, "#!/bin/sh\necho https://usual.example/simple\n").unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = ("PATH", room.path().to_str().unwrap());
        let usual = place(&[("PIP_CONFIG_FILE", "/dev/null"), path]);
        assert_eq!((usual.index.as_deref(), usual.is_barred), (Some("https://usual.example/simple"), false));
        let barred = place(&[("PIP_NO_INDEX", "1"), path]);
        assert_eq!((barred.index, barred.is_barred), (None, true));
        let way =
            Way::of(&environment(&[("https_proxy", "http://p.example:3128"), ("NO_PROXY", "x.example")]));
        assert_eq!(way.proxies[0].as_deref(), Some("http://p.example:3128"));
        assert_eq!((way.proxies[1].clone(), way.no_proxy.as_deref()), (None, Some("x.example")));
    }

    #[test]
    fn passwords_in_addresses_are_not_shown() {
        let way = Way::of(&environment(&[("PIP_INDEX_URL", "https://me:secret@x.example/simple")]));
        assert!(!format!("{way:?} {:?}", way.place()).contains("secret"));
    }
}

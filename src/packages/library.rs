//! The packages of one base directory: added, removed, listed, made again.
//!
//! A change takes the lock, finds exact versions, installs them aside, puts the set in its place, writes the lock file and
//! only then points sessions to it. What fails on the way leaves all as it was.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::change::{Change, changed, difference};
use super::error::PackageError;
use super::installer::{Builds, Installer, Python};
use super::listed::{Listed, Present, Why};
use super::lock::{Lock, Package, Pin, Resolution};
use super::needs::{needing, path_to, reachable};
use super::sets::{Sets, blocking, installed, size_of};
use super::surroundings::Surroundings;
use super::users::{InUse, Users};
use crate::config::{Consent, PackageRules};
use crate::nearest::nearest;
use crate::requirements::{PackageName, Requirement, admits, condition};

/// The most that one call may ask for, and that may be asked for in all.
const AT_ONCE: usize = 50;
const IN_ALL: usize = 300;

/// How often it is looked how much an installation takes.
const WEIGHING: Duration = Duration::from_millis(500);

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// An agent or its code: the policy is for these.
    Agent,
    /// The person at the keyboard.
    Person,
}

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Packages {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) base: Option<PathBuf>,
    sets: Sets,
    rules: PackageRules,
    surroundings: Surroundings,
    users: Users,
    changes: watch::Sender<()>,
    pub(super) restoring: watch::Sender<bool>,
}

impl Packages {
    /// Those of a base directory; nothing is read yet.
    pub fn below(base: &Path, rules: PackageRules, surroundings: Surroundings) -> Self {
        Self::over(Some(base.to_owned()), rules, surroundings)
    }

    /// None: every request is refused with its reason.
    pub fn none() -> Self {
        Self::over(None, PackageRules::default(), Surroundings::none())
    }

    /// Those of a base directory, which agents do not change and nobody installs again.
    pub fn unchanged(base: &Path) -> Self {
        let rules = PackageRules { policy: Consent::Deny, ..PackageRules::default() };
        Self::over(Some(base.to_owned()), rules, Surroundings::none())
    }

    fn over(base: Option<PathBuf>, rules: PackageRules, surroundings: Surroundings) -> Self {
        Self::shared(base, rules, surroundings, Users::default())
    }

    fn shared(base: Option<PathBuf>, rules: PackageRules, surroundings: Surroundings, users: Users) -> Self {
        let sets = Sets::below(base.as_deref().unwrap_or(Path::new("")));
        let (changes, restoring) = (watch::Sender::new(()), watch::Sender::new(false));
        Self { inner: Arc::new(Inner { base, sets, rules, surroundings, users, changes, restoring }) }
    }

    /// The same, where agents change nothing.
    pub fn fixed(&self) -> Self {
        let Inner { base, rules, surroundings, users, .. } = &*self.inner;
        let rules = PackageRules { policy: Consent::Deny, ..rules.clone() };
        Self::shared(base.clone(), rules, surroundings.clone(), users.clone())
    }

    /// Says that this program uses sets, as long as the answer lives.
    pub fn hold(&self) -> std::io::Result<File> {
        let held = self.inner.sets.hold()?;
        self.inner.users.show(&self.inner.sets.servers())?;
        Ok(held)
    }

    /// Says that a session has begun, which may import from every set that is the present one while the answer lives.
    pub fn begin_use(&self) -> InUse {
        self.inner.users.begin()
    }

    /// Says when this process has changed what sessions see; other processes may change it too.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.inner.changes.subscribe()
    }

    /// The set that sessions of this version of Python (`3.12`) see now, if there is one.
    pub fn present_set(&self, python: &str) -> Option<String> {
        self.inner.base.as_ref().and_then(|_| self.inner.sets.now(python))
    }

    /// The same, and what is in it. Reads a file.
    pub fn seen(&self, python: &str) -> Option<Present> {
        let set = self.present_set(python)?;
        let packages = self.inner.sets.packages(&set).ok()?;
        Some(Present { set, packages })
    }

    /// The rules for agents.
    pub fn rules(&self) -> &PackageRules {
        &self.inner.rules
    }

    /// Adds packages, or asks for other versions of those that are there.
    pub async fn add(&self, specs: &[String], asker: Asker) -> Result<Change, PackageError> {
        if specs.is_empty() || specs.len() > AT_ONCE {
            let words = format!("name 1 to {AT_ONCE} packages, such as \"pandas>=2\"");
            return Err(PackageError::Number(words));
        }
        let asked: Vec<Requirement> = specs.iter().map(|spec| spec.parse()).collect::<Result<_, _>>()?;
        if asker == Asker::Agent {
            self.may_change()?;
        }
        self.admit(&asked)?;
        let base = self.base()?;
        let python = self.python().await?;
        let held = self.inner.sets.lock().await?;
        let mut lock = Lock::read(base)?;
        for each in asked {
            lock.requested.insert(each.name().clone(), each);
        }
        if lock.requested.len() > IN_ALL {
            return Err(PackageError::Number(format!("more than {IN_ALL} packages would be asked for")));
        }
        self.settle(lock, &python, held).await
    }

    /// Whether this is on the list of what may be asked for, where there is one.
    fn admit(&self, asked: &[Requirement]) -> Result<(), PackageError> {
        let rules = &self.inner.rules;
        let refused =
            asked.iter().find(|each| !rules.allow.is_empty() && rules.allowed(each.name()).is_none());
        match refused {
            None => Ok(()),
            Some(each) => {
                let allowed: Vec<String> = rules.allow.iter().take(40).map(ToString::to_string).collect();
                Err(PackageError::Denied(format!(
                    "'{}' is not on this server's list of packages (`packages.allow`): {}",
                    each.name(),
                    allowed.join(", ")
                )))
            }
        }
    }

    fn may_change(&self) -> Result<(), PackageError> {
        let words = match self.inner.rules.policy {
            Consent::Allow => return Ok(()),
            Consent::Ask => {
                "this server asks its user before packages are added or removed (`packages.policy` is \"ask\"), and nobody \
                 can be asked yet; whoever runs it can use `actwright deps`"
            }
            Consent::Deny => {
                "this server adds and removes no packages while it runs (`packages.policy` is \"deny\"); whoever runs it can \
                 use `actwright deps`"
            }
        };
        Err(PackageError::Denied(words.to_owned()))
    }

    /// Adds what a file says it needs and a session does not have, by the same rules as all that agents add. `have` are names
    /// and versions; `admitted` are versions of Python, and `surroundings` is what conditions after `;` are about.
    pub async fn need(
        &self,
        specs: &[String],
        have: &[(String, String)],
        admitted: &str,
        surroundings: &[(String, String)],
    ) -> Result<Change, PackageError> {
        let known = |name: &str| {
            surroundings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let running = known("python_full_version").unwrap_or_default();
        match admits(admitted, running) {
            Some(true) => {}
            Some(false) => {
                let words = format!("it needs Python {admitted}, and sessions run Python {running}");
                return Err(PackageError::Number(words));
            }
            None => {
                return Err(PackageError::Number(format!("`requires-python = {admitted:?}` cannot be read")));
            }
        }
        let is_there = |asked: &Requirement| {
            let same = |(name, _): &&(String, String)| {
                name.parse().is_ok_and(|name: PackageName| &name == asked.name())
            };
            have.iter().find(same).is_some_and(|(_, version)| asked.admits(version))
        };
        let mut missing = Vec::new();
        for text in specs {
            let (spec, condition) = text.split_once(';').unwrap_or((text, ""));
            let asked: Requirement = spec.parse()?;
            let applies = condition.trim().is_empty()
                || condition::holds(condition, &known).map_err(|why| {
                    PackageError::Number(format!("the condition of {text:?} cannot be read: {why}"))
                })?;
            if applies && !is_there(&asked) {
                missing.push(spec.trim().to_owned());
            }
        }
        if missing.is_empty() {
            return Ok(Change::default());
        }
        match self.add(&missing, Asker::Agent).await {
            Err(PackageError::Denied(words)) => {
                Err(PackageError::Denied(format!("it needs {}, and {words}", missing.join(", "))))
            }
            added => added,
        }
    }

    /// Removes packages that were asked for, and what only they needed.
    pub async fn remove(&self, names: &[String], asker: Asker) -> Result<Change, PackageError> {
        if names.is_empty() || names.len() > AT_ONCE {
            return Err(PackageError::Number(format!("name 1 to {AT_ONCE} packages")));
        }
        if asker == Asker::Agent {
            self.may_change()?;
        }
        let base = self.base()?;
        let python = self.python().await?;
        let held = self.inner.sets.lock().await?;
        let mut lock = Lock::read(base)?;
        let present = self.present(&python).await?;
        for text in names {
            let name = text.parse::<PackageName>().map_err(|_| not_found(text, &lock))?;
            if lock.requested.remove(&name).is_none() {
                if present.iter().any(|package| package.name == name) {
                    return Err(PackageError::Needed { by: needing(&name, &present), name });
                }
                return Err(not_found(text, &lock));
            }
        }
        // What is left needs no resolver: it is what can still be reached.
        if let Some(known) = lock.resolved.get(&python.version) {
            let kept = reachable(lock.requested.keys(), &present);
            let pins: Vec<Pin> =
                known.packages.iter().filter(|pin| kept.contains(&pin.name)).cloned().collect();
            let requested = lock.requested.values().cloned().collect();
            lock.resolved.insert(python.version.clone(), Resolution { requested, packages: pins });
        }
        self.settle(lock, &python, held).await
    }

    /// Makes what the lock file says again, where it is missing.
    pub async fn sync(&self) -> Result<Change, PackageError> {
        let base = self.base()?;
        let python = self.python().await?;
        let held = self.inner.sets.lock().await?;
        self.settle(Lock::read(base)?, &python, held).await
    }

    /// Whether the lock file asks for packages that sessions do not see.
    pub(super) async fn is_behind(&self) -> Result<bool, PackageError> {
        let lock = Lock::read(self.base()?)?;
        if lock.requested.is_empty() && lock.resolved.is_empty() {
            return Ok(false);
        }
        let python = self.python().await?;
        let wanted = lock.resolution(&python.version).map(|known| (known.set(&python.version), known));
        let now = self.inner.sets.now(&python.version);
        Ok(match wanted {
            None => !lock.requested.is_empty(),
            Some((_, known)) if known.packages.is_empty() => now.is_some(),
            Some((set, _)) => now != Some(set),
        })
    }

    /// Every package that sessions can import from here, by name.
    pub async fn list(&self) -> Result<Vec<Listed>, PackageError> {
        let lock = Lock::read(self.base()?)?;
        if lock.requested.is_empty() {
            return Ok(Vec::new());
        }
        let present = self.present(&self.python().await?).await?;
        let listed = |package: Package| {
            let requested = lock.requested.get(&package.name).cloned();
            Listed { package, requested }
        };
        Ok(present.into_iter().map(listed).collect())
    }

    /// Why a package is there.
    pub async fn why(&self, text: &str) -> Result<Why, PackageError> {
        let lock = Lock::read(self.base()?)?;
        let name = text.parse::<PackageName>().map_err(|_| not_found(text, &lock))?;
        let present = self.present(&self.python().await?).await?;
        let Some(package) = present.iter().find(|package| package.name == name).cloned() else {
            return Err(not_found(text, &lock));
        };
        let path = path_to(&name, &lock, &present);
        let listed = Listed { requested: lock.requested.get(&name).cloned(), package };
        Ok(Why { needed_by: needing(&name, &present), listed, path })
    }

    /// The lock file's text.
    pub fn lock_text(&self) -> Result<String, PackageError> {
        let lock = Lock::read(self.base()?)?;
        serde_json::to_string_pretty(&lock).map_err(|error| PackageError::Lock(error.to_string()))
    }

    fn base(&self) -> Result<&Path, PackageError> {
        self.inner.base.as_deref().ok_or(PackageError::Absent)
    }

    async fn python(&self) -> Result<Python, PackageError> {
        let ask = self.inner.surroundings.python.clone();
        let asked = tokio::task::spawn_blocking(move || ask()).await;
        asked.unwrap_or_else(|error| Err(error.to_string())).map_err(PackageError::Installer)
    }

    async fn present(&self, python: &Python) -> Result<Vec<Package>, PackageError> {
        let (sets, version) = (self.inner.sets.clone(), python.version.clone());
        let read =
            blocking(move || sets.now(&version).map_or(Ok(Vec::new()), |set| sets.packages(&set))).await;
        read.map_err(PackageError::disk("reading the packages"))
    }

    /// Brings the disk to what the lock asks for; `held` keeps others from it.
    async fn settle(&self, mut lock: Lock, python: &Python, held: File) -> Result<Change, PackageError> {
        let base = self.base()?;
        let before = self.present(python).await?;
        let sets = self.inner.sets.clone();
        let work = {
            let sets = sets.clone();
            blocking(move || sets.work()).await.map_err(PackageError::disk("preparing an installation"))?
        };
        let mut installer = None;
        let mut known = lock.resolution(&python.version).cloned();
        if known.is_none() && lock.requested.is_empty() {
            known = Some(Resolution { requested: Vec::new(), packages: Vec::new() });
        }
        let resolution = match known {
            Some(known) => known,
            None => {
                let found = self.installer(python, work.path()).await?;
                let made = self.resolve(&found, &lock, python, work.path()).await?;
                installer = Some(found);
                made
            }
        };
        let set = resolution.set(&python.version);
        let (text, is_empty) = (resolution.requirements(), resolution.packages.is_empty());
        let pins = resolution.packages.clone();
        lock.resolved.insert(python.version.clone(), resolution);
        if !is_empty && !sets.has(&set) {
            let installer = match installer {
                Some(installer) => installer,
                None => self.installer(python, work.path()).await?,
            };
            self.install(&installer, &text, work.path()).await?;
            let (sets, set, directory) = (sets.clone(), set.clone(), work.path().join("set"));
            let placed = move || {
                let packages = installed(&directory)?;
                Ok(match difference(&pins, &packages) {
                    Some(words) => Err(PackageError::Unexpected(words)),
                    None => sets
                        .place(&directory, &set, &packages)
                        .map_err(PackageError::disk("installing packages")),
                })
            };
            blocking(placed).await.map_err(PackageError::disk("installing packages"))??;
        }
        lock.write(base)?;
        let (version, target) = (python.version.clone(), (!is_empty).then_some(set));
        let pointed = blocking(move || sets.point(&version, target.as_deref())).await;
        pointed.map_err(PackageError::disk("switching to the new packages"))?;
        self.inner.changes.send_replace(());
        // Directories that take their time to go are not waited for.
        let (sets, held) = (self.inner.sets.clone(), held);
        tokio::task::spawn_blocking(move || {
            drop(work);
            match sets.collect() {
                Ok(removed) if removed.is_empty() => {}
                Ok(removed) => {
                    tracing::info!("removed sets of packages that nobody uses: {}", removed.join(", "))
                }
                Err(error) => {
                    tracing::warn!(%error, "sets of packages that nobody uses could not be removed")
                }
            }
            drop(held);
        });
        Ok(changed(&before, &self.present(python).await?))
    }

    /// Installs into `set` of the working directory, as long as that does not become too large.
    async fn install(&self, installer: &Installer, text: &str, work: &Path) -> Result<(), PackageError> {
        let limit = self.inner.rules.max_size;
        let directory = work.join("set");
        let too_large = || PackageError::TooLarge { limit };
        let outgrown = async {
            loop {
                tokio::time::sleep(WEIGHING).await;
                let directory = directory.clone();
                if blocking(move || Ok(size_of(&directory))).await.is_ok_and(|size| size > limit) {
                    return;
                }
            }
        };
        tokio::select! {
            done = installer.install(text, "set", work) => done?,
            // Dropping it ends the installer.
            () = outgrown => return Err(too_large()),
        }
        let size = blocking(move || Ok(size_of(&directory)))
            .await
            .map_err(PackageError::disk("installing packages"))?;
        if size > limit { Err(too_large()) } else { Ok(()) }
    }

    async fn installer(&self, python: &Python, work: &Path) -> Result<Installer, PackageError> {
        let builds = if self.inner.rules.build { Builds::Allowed } else { Builds::Never };
        Installer::find(&self.inner.surroundings, python.clone(), builds, work).await
    }

    /// Exact versions; what is there stays at its version if that goes together with what is asked for.
    async fn resolve(
        &self,
        installer: &Installer,
        lock: &Lock,
        python: &Python,
        work: &Path,
    ) -> Result<Resolution, PackageError> {
        let requested: Vec<Requirement> = lock.requested.values().cloned().collect();
        let text: String = requested.iter().map(|each| format!("{each}\n")).collect();
        let rules = &self.inner.rules;
        let allowed =
            |each: &&Requirement| lock.requested.contains_key(each.name()) && !each.versions().is_empty();
        let limits: String = rules
            .allow
            .iter()
            .filter(allowed)
            .map(|each| format!("{}{}\n", each.name(), each.versions()))
            .collect();
        let stays = |pin: &&Pin| lock.requested.get(&pin.name).is_none_or(|asked| asked.admits(&pin.version));
        let kept: String = lock
            .resolved
            .get(&python.version)
            .into_iter()
            .flat_map(|known| known.packages.iter().filter(stays))
            .map(|pin| format!("{}=={}\n", pin.name, pin.version))
            .collect();
        let mut made = Err(PackageError::Failed(String::new()));
        if !kept.is_empty() {
            made = installer.resolve(&text, &format!("{limits}{kept}"), work).await;
        }
        if made.is_err() {
            made = installer.resolve(&text, &limits, work).await;
        }
        let packages = made?;
        let is_outside = |pin: &&Pin| {
            let asked = lock.requested.contains_key(&pin.name);
            asked && rules.allowed(&pin.name).is_some_and(|allowed| !allowed.admits(&pin.version))
        };
        match packages.iter().find(is_outside) {
            Some(pin) => {
                Err(PackageError::Unexpected(format!("{} {} is not on the list", pin.name, pin.version)))
            }
            None => Ok(Resolution { requested, packages }),
        }
    }
}

fn not_found(text: &str, lock: &Lock) -> PackageError {
    let near = nearest(text, lock.requested.keys().map(PackageName::as_str));
    let hint = near.map_or_else(String::new, |near| format!("; nearest: '{near}'"));
    PackageError::NotFound { name: text.chars().take(80).collect(), hint }
}

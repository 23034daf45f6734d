//! The catalog: every namespace with its tools, found by name or by words, and the one way to call any of them.
//!
//! It holds what is known now; whoever needs more of a source asks with patience, and only that source is started.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::adapter::{Adapter, Extra, Kind, Listing, Patience, State, Task};
use super::arguments::Given;
use super::call::{Origin, Watch};
use super::entry::{Hints, Tool};
use super::failure::{Failure, FailureKind};
use super::files::{self, Trouble};
use super::name::{Identifier, Reserved};
use super::namespace::{Entry, Namespace};
use super::output::Output;
use super::policy::Policy;
use super::record::Record;
use super::secrets::{Lookup, Secrets};
use super::shape::Shape;
use super::tape::schema_of;
use crate::config::ToolRule;
use crate::masks::Masks;
use crate::nearest::nearest;
use crate::search::{Document, Index, Query};

/// Bytes of one result; what is larger belongs into a file or an artifact.
const LARGEST: usize = 128 << 20;

/// How long an overview of all namespaces waits for each.
const OVERVIEW: Duration = Duration::from_secs(8);

/// How long a call may take when neither its tool nor its source says.
const TIMEOUT: Duration = Duration::from_secs(600);

/// The door to all tools. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tools {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    namespaces: Vec<Namespace>,
    broken: Vec<Trouble>,
    notes: Vec<Trouble>,
    secrets: Secrets,
    policy: Policy,
    shapes: Mutex<HashMap<String, Shape>>,
    searched: Mutex<Option<Searched>>,
}

/// The lists of tools that were searched last, and their index.
type Searched = (Vec<Arc<Vec<Arc<Tool>>>>, Arc<Index>);

/// One namespace as lists show it.
#[derive(Debug, Clone)]
pub struct NamespaceSummary {
    /// `tools.<name>`.
    pub name: Identifier,
    /// As its file or configuration names it.
    pub original: String,
    /// What kind of source it is.
    pub kind: Kind,
    /// What it is for.
    pub description: String,
    /// Whether it can be used.
    pub state: State,
    /// Its tools, the namespace itself first where it can be called.
    pub tools: Arc<Vec<Arc<Tool>>>,
}

/// What is known of a tool's schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schema {
    /// Their digest.
    Is(String),
    /// There is no such tool any more.
    Gone,
    /// Its source has not been started.
    Unknown,
}

/// A tool that a search has found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The tool.
    pub tool: Arc<Tool>,
    /// From 0 to 1, comparable between queries.
    pub score: f64,
}

impl Tools {
    /// The tools that the files below `base` describe. Nothing is started yet.
    pub fn open(base: &Path, rules: Vec<ToolRule>, lookup: Lookup) -> Self {
        let secrets = Secrets::new(base, lookup.clone());
        let loaded = files::load(base, &secrets, &*lookup);
        Self::over(loaded, rules, secrets)
    }

    pub(super) fn over(loaded: files::Loaded, rules: Vec<ToolRule>, secrets: Secrets) -> Self {
        let mut namespaces: Vec<Namespace> = Vec::new();
        let mut broken = loaded.broken;
        for (original, adapter) in loaded.adapters {
            let name = Identifier::of(&original, Reserved::Namespace);
            match namespaces.iter().find(|other| other.name == name) {
                Some(other) => broken.push(Trouble {
                    place: format!("`{original}`"),
                    words: format!(
                        "its namespace `tools.{name}` is taken by `{}`; rename one of them",
                        other.original
                    ),
                }),
                None => namespaces.push(Namespace::new(name, original, adapter)),
            }
        }
        for trouble in &broken {
            tracing::warn!("tools: {}: {}", trouble.place, trouble.words);
        }
        let policy = Policy::new(rules);
        let (notes, shapes, searched) = (loaded.notes, Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { namespaces, broken, notes, secrets, policy, shapes, searched }) }
    }

    /// No tools at all.
    pub fn none() -> Self {
        Self::of(Vec::new(), Vec::new())
    }

    /// The tools of these sources, each with the name of its namespace, for a program that brings its own.
    pub fn of(adapters: Vec<(String, Arc<dyn Adapter>)>, rules: Vec<ToolRule>) -> Self {
        let loaded = files::Loaded { adapters, ..files::Loaded::default() };
        Self::over(loaded, rules, Secrets::new(Path::new(""), Arc::new(|_| None)))
    }

    pub(super) fn secrets(&self) -> &Secrets {
        &self.inner.secrets
    }

    /// All that must never go back to code or to the model.
    pub fn masks(&self) -> &Masks {
        self.inner.secrets.masks()
    }

    /// What could not be loaded, and why.
    pub fn broken(&self) -> &[Trouble] {
        &self.inner.broken
    }

    /// What was loaded and has something to be said about.
    pub fn notes(&self) -> &[Trouble] {
        &self.inner.notes
    }

    /// The names of all namespaces, in the order of their files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.inner.namespaces.iter().map(|namespace| namespace.name.as_str())
    }

    /// The same, each with the name that its file or configuration gives it.
    pub fn originals(&self) -> impl Iterator<Item = (&str, &str)> {
        self.inner.namespaces.iter().map(|namespace| (namespace.name.as_str(), namespace.original.as_str()))
    }

    /// Every namespace. Those that have to be started, if they shall be, are started side by side, and one that is slow is not waited for:
    /// it goes on starting, and its state says so.
    pub async fn namespaces(&self, patience: Patience) -> Vec<NamespaceSummary> {
        let listings = self.inner.namespaces.iter().map(|namespace| {
            let adapter = namespace.adapter.clone();
            // A task of its own, because giving up the wait must not give up the start.
            let start = tokio::spawn(async move { adapter.listing(patience).await });
            let task: Task<'_, Listing> = Box::pin(async move {
                match timeout(OVERVIEW, start).await {
                    Ok(Ok(listing)) => listing,
                    Ok(Err(_)) => namespace.adapter.listing(Patience::Known).await,
                    Err(_) => {
                        Listing { state: State::Starting, ..namespace.adapter.listing(Patience::Known).await }
                    }
                }
            });
            task
        });
        let listings = side_by_side(listings).await;
        let pairs = self.inner.namespaces.iter().zip(listings);
        pairs.map(|(namespace, listing)| self.summary(namespace, &listing)).collect()
    }

    /// Tools whose own name is this, among those that are known without starting anything.
    pub async fn named_like(&self, name: &str) -> Vec<Arc<Tool>> {
        let mut found = Vec::new();
        for namespace in &self.inner.namespaces {
            let listing = namespace.adapter.listing(Patience::Known).await;
            let tools = namespace.tools(&listing, &self.inner.policy);
            let is_named = |tool: &&Arc<Tool>| {
                tool.raw.name == name || tool.name.as_ref().is_some_and(|own| own.as_str() == name)
            };
            found.extend(tools.iter().filter(is_named).cloned());
        }
        found
    }

    /// One namespace, started if it has to be.
    pub async fn namespace(&self, name: &str) -> Result<NamespaceSummary, Failure> {
        let namespace = self.find_namespace(name)?;
        let listing = namespace.adapter.listing(Patience::Start).await;
        Ok(self.summary(namespace, &listing))
    }

    fn find_namespace(&self, name: &str) -> Result<&Namespace, Failure> {
        let found =
            self.inner.namespaces.iter().find(|space| space.name.as_str() == name || space.original == name);
        found.ok_or_else(|| {
            let meant = match nearest(name, self.names()) {
                Some(meant) => format!("; did you mean `tools.{meant}`?"),
                None => ". tools.list() shows what there is".to_owned(),
            };
            let broken =
                self.inner.broken.iter().find(|trouble| trouble.place.contains(&format!("`{name}`")));
            let why = broken.map(|trouble| format!(" ({}: {})", trouble.place, trouble.words));
            let name: String = name.chars().take(100).collect();
            let words = format!("there is no `tools.{name}`{}{meant}", why.unwrap_or_default());
            Failure::new(FailureKind::NotFound, words)
        })
    }

    fn summary(&self, namespace: &Namespace, listing: &Listing) -> NamespaceSummary {
        NamespaceSummary {
            name: namespace.name.clone(),
            original: namespace.original.clone(),
            kind: namespace.adapter.kind(),
            description: namespace.adapter.description(),
            state: listing.state.clone(),
            tools: namespace.tools(listing, &self.inner.policy),
        }
    }

    /// One tool by its full name, `namespace.tool`, in either way of writing it.
    pub async fn find(&self, full_name: &str) -> Result<Arc<Tool>, Failure> {
        self.entry(full_name).await.map(|(_, entry)| entry.tool)
    }

    async fn entry(&self, full_name: &str) -> Result<(&Namespace, Entry), Failure> {
        let full_name = full_name.strip_prefix("tools.").unwrap_or(full_name);
        let (space, name) = match full_name.split_once('.') {
            Some((space, name)) => (space, Some(name)),
            None => (full_name, None),
        };
        let namespace = self.find_namespace(space)?;
        match namespace.find(name, &self.inner.policy).await {
            Ok(entry) => Ok((namespace, entry)),
            Err(listing) => Err(self.not_found(namespace, name, &listing)),
        }
    }

    fn not_found(&self, namespace: &Namespace, name: Option<&str>, listing: &Listing) -> Failure {
        if let State::Failed(why) = &listing.state {
            return Failure::unavailable(format!("tools.{} cannot be used now: {why}", namespace.name));
        }
        let Some(name) = name else {
            let words = format!(
                "tools.{0} is a namespace; call one of its tools, tools.{0}.list() shows them",
                namespace.name
            );
            return Failure::new(FailureKind::NotFound, words);
        };
        let tools = namespace.tools(listing, &self.inner.policy);
        let names = tools.iter().filter_map(|tool| tool.name.as_ref()).map(Identifier::as_str);
        let meant = match nearest(name, names) {
            Some(meant) => format!("; did you mean `{meant}`?"),
            None => format!(". tools.{}.list() shows what there is", namespace.name),
        };
        let name: String = name.chars().take(100).collect();
        Failure::new(FailureKind::NotFound, format!("tools.{} has no `{name}`{meant}", namespace.name))
    }

    /// Calls a tool: its arguments, its policy, its adapter, and what comes back without secrets. However it ends, it leaves a
    /// record.
    pub async fn call(
        &self,
        origin: &Origin,
        full_name: &str,
        given: Vec<(String, Given)>,
        watch: Watch,
    ) -> Result<Output, Failure> {
        let (namespace, entry) = self.entry(full_name).await?;
        let mut record = Record::begin(&entry.counted, origin);
        let result = self.perform(origin, namespace, &entry, given, watch, &mut record).await;
        record.end(&result);
        result
    }

    async fn perform(
        &self,
        origin: &Origin,
        namespace: &Namespace,
        entry: &Entry,
        given: Vec<(String, Given)>,
        watch: Watch,
        record: &mut Record<'_>,
    ) -> Result<Output, Failure> {
        let tool = &entry.tool;
        let name = tool.full_name();
        let arguments = tool.bind(given)?;
        record.arguments(&arguments);
        self.inner.policy.admit(entry.rule, &entry.counted, origin)?;
        // Always in this order, so that two calls never wait for each other.
        let _turns = (self.inner.policy.turn(entry.rule).await, namespace.turn().await);
        let watch = watch.masked(self.inner.secrets.clone());
        let taped = origin.tape.as_ref().filter(|tape| tape.takes(&arguments));
        let taped = taped.map(|tape| (tape, arguments.clone()));
        let original = tool.name.as_ref().map(|_| tool.raw.name.as_str());
        let most = tool.raw.timeout.map_or(TIMEOUT, |time| time + Duration::from_secs(5));
        let result = match timeout(most, namespace.adapter.call(original, arguments, watch)).await {
            Ok(result) => result,
            Err(_) => {
                Err(Failure::new(FailureKind::Timeout, format!("no answer within {} s", most.as_secs())))
            }
        };
        let result = result.map_err(|failure| self.named(name, failure)).and_then(|output| {
            if output.size() > LARGEST {
                let words = format!(
                    "tools.{name} gave {} MB and at most {} are taken",
                    output.size() >> 20,
                    LARGEST >> 20
                );
                return Err(Failure::failed(words));
            }
            self.learn(tool, &output);
            Ok(self.inner.secrets.mask_output(output))
        });
        if let Some((tape, arguments)) = taped {
            let kind = namespace.adapter.kind();
            tape.take(name, Some((tool.clone(), kind)), arguments, &result, &self.inner.secrets);
        }
        result
    }

    /// What is known of a tool's schemas without starting anything.
    pub async fn schema(&self, full_name: &str) -> Schema {
        let (space, name) = match full_name.split_once('.') {
            Some((space, name)) => (space, Some(name)),
            None => (full_name, None),
        };
        let Ok(namespace) = self.find_namespace(space) else { return Schema::Gone };
        let listing = namespace.adapter.listing(Patience::Known).await;
        let tools = namespace.tools(&listing, &self.inner.policy);
        match tools.iter().find(|tool| tool.name.as_ref().map(Identifier::as_str) == name) {
            Some(tool) => Schema::Is(schema_of(&tool.raw.input, tool.raw.output.as_ref())),
            None if listing.state == State::Ready => Schema::Gone,
            None => Schema::Unknown,
        }
    }

    /// Asks a namespace for something beside its tools.
    pub async fn extra(&self, origin: &Origin, namespace: &str, request: Extra) -> Result<Output, Failure> {
        let namespace = self.find_namespace(namespace)?;
        let name = format!("{}.{}", namespace.name, request.name());
        let spellings = [name.clone(), format!("{}.{}", namespace.original, request.name())];
        let mut record = Record::begin(&name, origin);
        let reading = Hints { read_only: Some(true), ..Hints::default() };
        let rule = self.inner.policy.rule(&spellings, reading);
        let result = match self.inner.policy.admit(rule, &name, origin) {
            Ok(()) => {
                let _turns = (self.inner.policy.turn(rule).await, namespace.turn().await);
                let arguments = request.arguments();
                let asked = namespace.adapter.extra(request).await;
                let asked = asked.map_err(|failure| self.named(namespace.name.as_str(), failure));
                let asked = asked.map(|output| self.inner.secrets.mask_output(output));
                if let Some(tape) = origin.tape.as_ref().filter(|tape| tape.takes(&arguments)) {
                    tape.take(&name, None, arguments, &asked, &self.inner.secrets);
                }
                asked
            }
            Err(refused) => Err(refused),
        };
        record.end(&result);
        result
    }

    /// An adapter's failure with the name of what failed, and without secrets.
    fn named(&self, name: &str, mut failure: Failure) -> Failure {
        failure.message = format!("tools.{name}: {}", failure.message);
        self.inner.secrets.mask_failure(failure)
    }

    /// The tools that fit these words, best first.
    pub async fn search(&self, query: &str, limit: usize) -> Vec<Found> {
        let lists: Vec<_> =
            self.namespaces(Patience::Start).await.into_iter().map(|space| space.tools).collect();
        let index = self.index(&lists);
        let tools: Vec<&Arc<Tool>> = lists.iter().flat_map(|list| list.iter()).collect();
        let query = query.trim();
        let found = index.rank(&Query::of(query.strip_prefix("tools.").unwrap_or(query)), limit);
        found.into_iter().map(|(at, score)| Found { tool: tools[at].clone(), score: score.share }).collect()
    }

    /// What a search takes a query for that is not English.
    pub fn read_as(query: &str) -> Option<String> {
        Query::of(query).reading().map(|reading| reading.text.clone())
    }

    /// The index of these lists of tools, which is made anew when one of them is another than last time.
    fn index(&self, lists: &[Arc<Vec<Arc<Tool>>>]) -> Arc<Index> {
        let mut searched = self.inner.searched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, index)) = &*searched
            && known.len() == lists.len()
            && known.iter().zip(lists).all(|(one, other)| Arc::ptr_eq(one, other))
        {
            return index.clone();
        }
        let tools = lists.iter().flat_map(|list| list.iter());
        let index = Arc::new(Index::of(tools.map(|tool| document(tool))));
        *searched = Some((lists.to_vec(), index.clone()));
        index
    }

    /// The schema of a tool's result: its own, or what was learned from results so far.
    pub fn output_schema(&self, tool: &Tool) -> Option<Value> {
        if tool.raw.output.is_some() {
            return tool.raw.output.clone();
        }
        let shapes = self.inner.shapes.lock().unwrap_or_else(PoisonError::into_inner);
        shapes.get(tool.full_name()).and_then(Shape::schema)
    }

    fn learn(&self, tool: &Tool, output: &Output) {
        if let (None, Output::Json(value)) = (&tool.raw.output, output) {
            let mut shapes = self.inner.shapes.lock().unwrap_or_else(PoisonError::into_inner);
            match shapes.get_mut(tool.full_name()) {
                Some(shape) => shape.learn(value),
                None => shapes.entry(tool.full_name().to_owned()).or_default().learn(value),
            }
        }
    }

    /// Ends everything that was started for tools.
    pub async fn end(&self) {
        side_by_side(self.inner.namespaces.iter().map(|namespace| namespace.adapter.end())).await;
    }
}

fn document(tool: &Tool) -> Document {
    let parameters = tool.parameters.iter().map(|parameter| parameter.original.as_str());
    let tags = tool.raw.tags.iter().map(String::as_str);
    let words = tags.chain(parameters).collect::<Vec<_>>().join(" ");
    Document::of(tool.full_name(), [tool.full_name(), &tool.raw.description, &words, ""])
}

/// Polls all of them at once and gives their results in order.
async fn side_by_side<'a, T: 'a>(tasks: impl Iterator<Item = Task<'a, T>>) -> Vec<T> {
    let mut tasks: Vec<_> = tasks.map(Some).collect();
    let mut results: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (task, result) in tasks.iter_mut().zip(&mut results) {
            if let Some(future) = task
                && let Poll::Ready(value) = future.as_mut().poll(context)
            {
                *result = Some(value);
                *task = None;
            }
        }
        if tasks.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}

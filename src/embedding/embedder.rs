//! The handle: in which state the model is, and texts that are read on one thread of its own.
//!
//! Nothing is looked at before somebody asks. The model is loaded for the first text and given up when none came for a while,
//! because it takes more memory than all the rest of the server.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::engine::{Engine, PROBE};
use super::error::ModelError;
use super::manifest::{MODELS, Model};
use super::provision::{Progress, fetch};
use super::shelf::{Found, Shelf, Stamp};
use crate::config::{ModelRules, Way};

/// How long the model stays loaded without a text.
const IDLE: Duration = Duration::from_secs(300);

/// How long the end waits for the text that is being read.
const ENDING: Duration = Duration::from_millis(500);

/// How many queries may wait.
const QUERIES: usize = 64;

/// How long after a failure it is tried again, to be fetched or to be loaded; the last goes on.
const AGAIN: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(600), Duration::from_secs(3600)];

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Embedder {
    inner: Arc<Inner>,
}

/// Whether texts can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// They can.
    Ready,
    /// The model is being fetched; so many percent came.
    Fetching(u64),
    /// They can't, for this reason.
    Off(String),
}

/// What a text is, and so when its turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Looked for: somebody waits.
    Query,
    /// To be found later.
    Passage,
}

/// What reads texts once it is loaded.
pub trait Reads {
    /// The vector of a text, of length 1.
    fn read(&mut self, text: &str) -> Result<Vec<f32>, ModelError>;
}

type Load = fn(&Shelf, &'static Model) -> Result<Box<dyn Reads>, ModelError>;

struct Inner {
    load: Load,
    model: Result<&'static Model, String>,
    shelf: Shelf,
    way: Way,
    is_offline: bool,
    phase: Mutex<Phase>,
    queue: Mutex<Queue>,
    more: Condvar,
}

/// What was seen or done last.
enum Phase {
    /// Nothing yet.
    Unseen,
    /// All files are there.
    Present,
    /// They are being fetched.
    Fetching(Progress),
    /// Fetching failed.
    Failed(String),
    /// Loading failed so.
    Broken(Broken),
}

/// A model that could not be loaded. It is tried again when its files are others, and otherwise after a while.
struct Broken {
    why: String,
    since: Instant,
    /// How often it failed before.
    before: usize,
    files: Vec<Stamp>,
}

#[derive(Default)]
struct Queue {
    queries: VecDeque<Job>,
    passages: VecDeque<Job>,
    is_served: bool,
    is_ended: bool,
}

struct Job {
    text: String,
    answer: oneshot::Sender<Result<Vec<f32>, ModelError>>,
}

impl std::fmt::Debug for Embedder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Embedder").field("model", &self.model().map(|model| model.name)).finish()
    }
}

impl Embedder {
    /// What the configuration asks for; nothing is looked at yet.
    pub fn over(rules: &ModelRules) -> Self {
        let known = || MODELS.iter().map(|model| model.name).collect::<Vec<_>>().join(", ");
        let model = if rules.is_none() {
            Err("comparing meanings is switched off (`model.name`)".to_owned())
        } else {
            let name = rules.name.as_deref();
            let unknown = || ModelError::Unknown { name: name.unwrap_or("").to_owned(), known: known() };
            Model::named(name).ok_or_else(|| unknown().to_string())
        };
        let inner = Inner {
            load: |shelf, model| Ok(Box::new(Engine::load(shelf, model)?)),
            model,
            shelf: Shelf::at(rules.directory.clone(), rules.runtime.clone()),
            way: rules.way.clone(),
            is_offline: rules.offline,
            phase: Mutex::new(Phase::Unseen),
            queue: Mutex::new(Queue::default()),
            more: Condvar::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// No model.
    pub fn none() -> Self {
        Self::over(&ModelRules::none())
    }

    /// The model, if there is one by its name.
    pub fn model(&self) -> Option<&'static Model> {
        self.inner.model.as_ref().ok().copied()
    }

    /// Whether texts can be read now. Looks at the disk unless all was there before.
    pub fn state(&self) -> State {
        let model = match &self.inner.model {
            Ok(model) => model,
            Err(why) => return State::Off(why.clone()),
        };
        let mut phase = self.phase();
        match &*phase {
            Phase::Present => return State::Ready,
            Phase::Fetching(progress) => return State::Fetching(progress.percent()),
            Phase::Broken(broken) => {
                let pause = AGAIN[broken.before.min(AGAIN.len() - 1)];
                let is_another = self.inner.shelf.stamps(model) != broken.files;
                if !is_another && broken.since.elapsed() < pause {
                    return State::Off(broken.why.clone());
                }
            }
            Phase::Failed(_) | Phase::Unseen => {}
        }
        if self.inner.shelf.all(model) == Found::Whole {
            // One that was broken stays noted until it is loaded, so that the pauses grow.
            if !matches!(&*phase, Phase::Broken(_)) {
                *phase = Phase::Present;
            }
            return State::Ready;
        }
        State::Off(match (&*phase, self.inner.is_offline) {
            (Phase::Failed(why), _) => why.clone(),
            (_, true) => {
                format!("the model {} is not here, and nothing may be fetched (offline)", model.name)
            }
            (_, false) => format!("the model {} is not here; `actwright model fetch` brings it", model.name),
        })
    }

    /// Fetches what is missing in the background, unless nothing may be fetched; whoever asks sees how far it is.
    pub fn fetch_in_background(&self) {
        let Some(model) = self.model() else { return };
        let progress = Progress::default();
        if self.inner.is_offline || self.state() == State::Ready {
            return;
        }
        match &mut *self.phase() {
            phase @ Phase::Unseen => *phase = Phase::Fetching(progress.clone()),
            _ => return,
        }
        let embedder = self.clone();
        tokio::spawn(async move {
            let mut pauses = AGAIN.iter();
            let mut pause = AGAIN[0];
            loop {
                let inner = &embedder.inner;
                match fetch(&inner.shelf, model, &inner.way, &progress).await {
                    Ok(_) => {
                        *embedder.phase() = Phase::Present;
                        tracing::info!(model = model.name, "the model is here");
                        return;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the model could not be fetched");
                        *embedder.phase() = Phase::Failed(format!("the model could not be fetched: {error}"));
                    }
                }
                pause = pauses.next().copied().unwrap_or(pause);
                tokio::time::sleep(pause).await;
                // Somebody else may have brought it meanwhile.
                if embedder.state() == State::Ready {
                    return;
                }
                *embedder.phase() = Phase::Fetching(progress.clone());
            }
        });
    }

    /// The vector of a text, of length 1. Passages wait for queries.
    pub async fn read(&self, text: &str, turn: Turn) -> Result<Vec<f32>, ModelError> {
        let Ok(model) = &self.inner.model else { return Err(ModelError::Ended) };
        let prefix = match turn {
            Turn::Query => model.query_prefix,
            Turn::Passage => model.passage_prefix,
        };
        let (sender, answer) = oneshot::channel();
        let job = Job { text: format!("{prefix}{text}"), answer: sender };
        {
            let mut queue = self.queue();
            match turn {
                _ if queue.is_ended => return Err(ModelError::Ended),
                Turn::Query if queue.queries.len() >= QUERIES => return Err(ModelError::Busy),
                Turn::Query => queue.queries.push_back(job),
                Turn::Passage => queue.passages.push_back(job),
            }
            if !queue.is_served {
                let embedder = self.clone();
                let started =
                    std::thread::Builder::new().name("meaning".to_owned()).spawn(move || embedder.serve());
                started.map_err(|cause| ModelError::Disk {
                    doing: "start",
                    place: "the thread of the model".to_owned(),
                    cause,
                })?;
                queue.is_served = true;
            }
        }
        self.inner.more.notify_one();
        answer.await.unwrap_or(Err(ModelError::Ended))
    }

    /// Ends the thread, because the library must not be at work while the process ends. Waits a moment for the text it reads.
    pub fn end(&self) {
        let mut queue = self.queue();
        queue.is_ended = true;
        queue.queries.clear();
        queue.passages.clear();
        self.inner.more.notify_all();
        let ended = self.inner.more.wait_timeout_while(queue, ENDING, |queue| queue.is_served);
        drop(ended);
    }

    /// Loads the model and reads texts until none came for a while.
    fn serve(&self) {
        let Ok(model) = self.inner.model else { return };
        let files = self.inner.shelf.stamps(model);
        let mut engine = match (self.inner.load)(&self.inner.shelf, model) {
            Ok(engine) => engine,
            Err(error) => return self.give_up(&format!("the model could not be loaded: {error}"), files),
        };
        *self.phase() = Phase::Present;
        while let Some(job) = self.next() {
            // Whoever asked may not wait any more.
            if job.answer.is_closed() {
                continue;
            }
            let read = engine.read(&job.text);
            let Err(ModelError::Engine { what }) = read else {
                drop(job.answer.send(read));
                continue;
            };
            // A model that reads another text is in order; without that nothing it says is believed.
            match engine.read(PROBE) {
                Ok(_) => drop(job.answer.send(Err(ModelError::Text { what }))),
                Err(error) => {
                    let why = format!("the model does not work any more: {error}");
                    drop(job.answer.send(Err(ModelError::Engine { what: why.clone() })));
                    return self.give_up(&why, files);
                }
            }
        }
    }

    /// The next text, or nothing when the thread is to end.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if queue.is_ended {
                queue.is_served = false;
                self.inner.more.notify_all();
                return None;
            }
            if let Some(job) = queue.queries.pop_front() {
                return Some(job);
            }
            if let Some(job) = queue.passages.pop_front() {
                return Some(job);
            }
            let waited = self.inner.more.wait_timeout(queue, IDLE);
            let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            queue = again;
            if timeout.timed_out() && queue.queries.is_empty() && queue.passages.is_empty() {
                queue.is_served = false;
                return None;
            }
        }
    }

    /// Answers everybody with the reason.
    fn give_up(&self, why: &str, files: Vec<Stamp>) {
        tracing::warn!("{why}");
        {
            let mut phase = self.phase();
            let before = match &*phase {
                // Other files are another try.
                Phase::Broken(broken) if broken.files == files => broken.before + 1,
                _ => 0,
            };
            *phase = Phase::Broken(Broken { why: why.to_owned(), since: Instant::now(), before, files });
        }
        let mut queue = self.queue();
        queue.is_served = false;
        let (queries, passages) = (std::mem::take(&mut queue.queries), std::mem::take(&mut queue.passages));
        drop(queue);
        for job in queries.into_iter().chain(passages) {
            drop(job.answer.send(Err(ModelError::Engine { what: why.to_owned() })));
        }
    }

    fn phase(&self) -> std::sync::MutexGuard<'_, Phase> {
        self.inner.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Embedder {
    /// One that loads something of a test's own.
    pub fn loading(rules: &ModelRules, load: Load) -> Self {
        let mut embedder = Self::over(rules);
        if let Some(inner) = Arc::get_mut(&mut embedder.inner) {
            inner.load = load;
        }
        embedder
    }
}

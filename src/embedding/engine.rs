//! A model in memory, and the only place that names the libraries beneath.
//!
//! The library that runs models is loaded by its path before anything else is asked of it: asked first, it would look for itself
//! and end the thread with a panic where it is not. One text is read at a time, because a batch is filled up to its longest text.

use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use actwright_sandbox::sys;
use fastembed::{InitOptionsUserDefined, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel};
use ort::environment::Environment;

use super::embedder::Reads;
use super::error::ModelError;
use super::manifest::{Model, Pooling};
use super::shelf::{Library, Shelf};

/// The most bytes of a text for each token that is read; the rest is not even looked at.
const BYTES_OF_TOKEN: usize = 16;

/// Read first, to see that vectors are what they should be, and again when another text fails, to see whose fault that is.
pub const PROBE: &str = "parse a log file";

/// The library, once it is loaded; a process has one.
static LIBRARY: Mutex<Option<Environment>> = Mutex::new(None);

/// See the module.
pub struct Engine {
    model: &'static Model,
    embedding: TextEmbedding,
}

impl Engine {
    /// Reads, compares and loads everything. This takes a while.
    pub fn load(shelf: &Shelf, model: &'static Model) -> Result<Self, ModelError> {
        caught(|| Self::load_now(shelf, model))
    }

    fn load_now(shelf: &Shelf, model: &'static Model) -> Result<Self, ModelError> {
        let mut loaded = shelf.load(model)?;
        let (graph, weights) = loaded.graph(model)?;
        let tokenizer = TokenizerFiles {
            tokenizer_file: loaded.take("tokenizer.json")?,
            config_file: loaded.take("config.json")?,
            special_tokens_map_file: loaded.take("special_tokens_map.json")?,
            tokenizer_config_file: loaded.take("tokenizer_config.json")?,
        };
        let pooling = match model.pooling {
            Pooling::Mean => fastembed::Pooling::Mean,
        };
        let mut described = UserDefinedEmbeddingModel::new(graph, tokenizer).with_pooling(pooling);
        if let Some(name) = weights {
            described = described.with_external_initializer(name.to_owned(), loaded.take(name)?);
        }
        let options = InitOptionsUserDefined::new()
            .with_environment(library(&loaded.library)?)
            .with_max_length(model.longest)
            // Sessions need the processors; a text is read in milliseconds all the same.
            .with_intra_threads(1)
            .with_session_config("session.intra_op.allow_spinning", "0");
        let embedding = TextEmbedding::try_new_from_user_defined(described, options);
        let embedding = embedding.map_err(|error| said("the model cannot be loaded", &error))?;
        let mut engine = Self { model, embedding };
        engine.read_now(PROBE)?;
        Ok(engine)
    }

    fn read_now(&mut self, text: &str) -> Result<Vec<f32>, ModelError> {
        let end = text.floor_char_boundary(self.model.longest * BYTES_OF_TOKEN);
        let read = self.embedding.embed([&text[..end]], None);
        let vector =
            read.map_err(|error| said("the model cannot read a text", &error))?.pop().unwrap_or_default();
        if vector.len() != self.model.dimension || vector.iter().any(|each| !each.is_finite()) {
            return Err(ModelError::Engine { what: "the model gives no usable vectors".to_owned() });
        }
        Ok(vector)
    }
}

impl Reads for Engine {
    fn read(&mut self, text: &str) -> Result<Vec<f32>, ModelError> {
        caught(AssertUnwindSafe(|| self.read_now(text)))
    }
}

/// This library, or the one that was loaded before.
fn library(from: &Library) -> Result<Environment, ModelError> {
    let mut held = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = &*held {
        return Ok(loaded.clone());
    }
    // What is loaded is what was compared, whoever may write to the directory meanwhile: a copy that nobody can change.
    let (path, sealed) = match from {
        Library::Own(path) => (path.clone(), None),
        Library::Checked(content) => {
            let sealed = sys::sealed_memfd(c"onnxruntime", content);
            let place = || "the ONNX Runtime in memory".to_owned();
            let sealed = sealed.map_err(|cause| ModelError::Disk { doing: "hold", place: place(), cause })?;
            (PathBuf::from(format!("/proc/self/fd/{}", sealed.as_raw_fd())), Some(sealed))
        }
    };
    let loaded = ort::init_from(path)
        .map_err(|error| said("the ONNX Runtime cannot be loaded", &error))?
        .with_telemetry(false)
        .build()
        .map_err(|error| said("the ONNX Runtime cannot be started", &error))?;
    drop(sealed);
    Ok(held.insert(loaded).clone())
}

fn said(what: &str, error: &dyn std::error::Error) -> ModelError {
    ModelError::Engine { what: format!("{what}: {error}") }
}

/// A library that panics costs the model and nothing else.
fn caught<T>(work: impl FnOnce() -> Result<T, ModelError> + std::panic::UnwindSafe) -> Result<T, ModelError> {
    catch_unwind(work).unwrap_or_else(|_| {
        Err(ModelError::Engine { what: "the library that runs models failed".to_owned() })
    })
}

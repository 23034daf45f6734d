//! A model for tests: its files have the right names and sizes and no content, and what reads is the test's own.

use std::path::Path;

use super::embedder::{Embedder, Reads};
use super::error::ModelError;
use super::manifest::{MODELS, Model};
use super::shelf::Shelf;
use crate::config::ModelRules;

/// Lays the files of the default model out, as large as they should be.
pub fn files(directory: &Path) -> ModelRules {
    let library = directory.join("library.so");
    std::fs::write(&library, "no library").unwrap();
    let place = directory.join(MODELS[0].directory());
    std::fs::create_dir_all(&place).unwrap();
    for file in MODELS[0].files {
        std::fs::File::create(place.join(file.name)).unwrap().set_len(file.size).unwrap();
    }
    ModelRules { name: None, directory: directory.to_owned(), runtime: Some(library), ..ModelRules::none() }
}

/// A model whose vectors say which of a few words stand in a text, and that fails at `unreadable`.
pub fn words(rules: &ModelRules) -> Embedder {
    Embedder::loading(rules, |_, _| Ok(Box::new(Words)))
}

/// One that cannot be loaded as long as its weights are empty.
pub fn unless_empty(rules: &ModelRules) -> Embedder {
    Embedder::loading(rules, load_unless_empty)
}

struct Words;

impl Reads for Words {
    fn read(&mut self, text: &str) -> Result<Vec<f32>, ModelError> {
        if text.contains("unreadable") {
            return Err(ModelError::Engine { what: "it is too strange".to_owned() });
        }
        let mut vector = vec![0.01; MODELS[0].dimension];
        for (at, word) in ["count", "draw", "send"].iter().enumerate() {
            if text.to_lowercase().contains(word) {
                vector[at] = 1.0;
            }
        }
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|number| *number /= length);
        Ok(vector)
    }
}

fn load_unless_empty(shelf: &Shelf, model: &'static Model) -> Result<Box<dyn Reads>, ModelError> {
    let weights = std::fs::read(shelf.place(model).join(model.files[0].name)).unwrap();
    match weights.first() {
        Some(b'x') => Ok(Box::new(Words)),
        _ => Err(ModelError::Engine { what: "the weights are empty".to_owned() }),
    }
}

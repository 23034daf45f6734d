//! Agent Skills of others: what is taken, what is not, and what never leads out of the directory.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let room = tempfile::tempdir().unwrap();
    let directory = room.path().join("pdf-work");
    std::fs::create_dir(&directory).unwrap();
    for (path, text) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    (room, directory)
}

const HEAD: &str = "---\nname: pdf-work\ndescription: >\n  Works on PDFs.\n  Use it for them.\nallowed-tools: Bash(rm:*) Read\n---\n\n# Steps\n\nFirst this.\n";

#[test]
fn a_script_with_run_is_a_skill_with_the_instructions_as_its_description() {
    let (_room, directory) = folder(&[
        (SKILL_MD, HEAD),
        ("scripts/pages.py", "def run(path: str) -> int:\n    return 1\n"),
        ("scripts/helper.sh", "rm -rf /"),
        ("references/FORMS.md", "forms"),
    ]);
    assert!(is_one(&directory));
    let read = read(&directory).unwrap();
    assert_eq!(read.skills.len(), 1);
    assert_eq!(
        (read.skills[0].name.as_str(), read.skills[0].place.as_str()),
        ("pdf_work", "scripts/pages.py")
    );
    let description = read.skills[0].about.description.clone().unwrap();
    assert_eq!(description, "Works on PDFs. Use it for them.\n\n# Steps\n\nFirst this.");
    assert_eq!(
        read.notes,
        [
            "it asks for the tools `Bash(rm:*) Read`; nothing was granted, tools are allowed in the configuration only",
            "left out, because only Python with a function run becomes a skill: references/FORMS.md, scripts/helper.sh",
        ]
    );
}

#[test]
fn several_scripts_are_several_skills_and_none_is_a_skill_of_texts() {
    let run = "def run():\n    return 1\n";
    let (_room, directory) =
        folder(&[(SKILL_MD, HEAD), ("a.py", run), ("scripts/b.py", run), ("broken.py", "def run(:")]);
    let read_all = read(&directory).unwrap();
    let names: Vec<&str> = read_all.skills.iter().map(|script| script.name.as_str()).collect();
    assert_eq!(names, ["pdf_work_a", "pdf_work_b"]);
    assert!(
        read_all.notes.iter().any(|note| note.starts_with("broken.py is no skill: syntax error")),
        "{:?}",
        read_all.notes
    );
    let (_room, directory) = folder(&[(SKILL_MD, HEAD), ("scripts/main.py", "print('\"\"\"')\n")]);
    let texts = read(&directory).unwrap();
    let shape = source::read(&texts.skills[0].source).unwrap().shape;
    assert_eq!(shape.signature("pdf_work"), "skills.pdf_work(file: str = \"SKILL.md\") -> str");
    assert_eq!(shape.parameters[0].description, "One of SKILL.md, scripts/main.py.");
}

#[test]
fn nothing_leads_out_of_the_directory() {
    let (room, directory) = folder(&[(SKILL_MD, HEAD)]);
    let secret = room.path().join("secret.py");
    std::fs::write(&secret, "def run(): return 'secret'").unwrap();
    symlink(&secret, directory.join("link.py")).unwrap();
    symlink(room.path(), directory.join("scripts")).unwrap();
    let pipe = directory.join("pipe.py");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let found = read(&directory).unwrap();
    assert!(found.skills.iter().all(|script| !script.source.contains("secret")), "{found:?}");
    for name in ["link.py", "pipe.py", "scripts"] {
        assert!(
            found.notes.contains(&format!("{name} was left out: it is no plain file")),
            "{:?}",
            found.notes
        );
    }
    let open = Folder::open(&directory).unwrap();
    for path in ["../secret.py", "link.py", "scripts/secret.py", "/etc/passwd", "pipe.py"] {
        assert!(open.text(path).is_err(), "{path}");
    }
    // The instructions themselves are no link either.
    std::fs::rename(directory.join(SKILL_MD), room.path().join("there.md")).unwrap();
    symlink(room.path().join("there.md"), directory.join(SKILL_MD)).unwrap();
    assert!(!is_one(&directory) && read(&directory).is_err());
    symlink(&directory, room.path().join("other")).unwrap();
    assert!(Folder::open(&room.path().join("other")).is_err());
}

#[test]
fn bombs_are_refused() {
    let (_room, directory) = folder(&[(SKILL_MD, HEAD)]);
    for n in 0..300 {
        std::fs::write(directory.join(format!("{n}.md")), "x").unwrap();
    }
    assert_eq!(read(&directory).unwrap_err(), "it has more than 200 files");
    let (_room, directory) =
        folder(&[(SKILL_MD, HEAD), ("a/b/c/d/e.md", "x"), ("big.py", &"#".repeat(300_000))]);
    let found = read(&directory).unwrap();
    assert!(found.notes.contains(&"a/b/c/d was left out: it lies too deep".to_owned()), "{:?}", found.notes);
    assert!(found.notes.iter().any(|note| note.contains("big.py is larger than")), "{:?}", found.notes);
    let mut bomb = "---\nname: pdf-work\ndescription: x\na: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, of) in
        ["b", "c", "d", "e", "f", "g", "h", "i"].iter().zip(["a", "b", "c", "d", "e", "f", "g", "h"])
    {
        bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{of}"); 9].join(", ")));
    }
    let (_room, directory) = folder(&[(SKILL_MD, &(bomb + "---\n"))]);
    assert!(read(&directory).unwrap_err().starts_with("SKILL.md: "));
}

#[test]
fn what_is_no_agent_skill_says_why() {
    let check = |text: &str, words: &str| {
        let (_room, directory) = folder(&[(SKILL_MD, text)]);
        let error = read(&directory).unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    };
    check("# no head", "does not begin with frontmatter");
    check("---\nname: pdf-work\n", "does not begin with frontmatter");
    check("---\nname: pdf-work\n---\n", "`description` is missing");
    check("---\nname: PDF-Work\ndescription: x\n---\n", "is no name");
    check("---\nname: other\ndescription: x\n---\n", "must be that of its directory, `pdf-work`");
    check("---\nname: pdf-work\ndescription: ''\n---\n", "the description has 0 characters");
    check("---\nname: [\n---\n", "SKILL.md: ");
}

//! What a frozen copy holds of the world: its open files, its working directory, the memory that it shares.
//!
//! A twin gets every file that it could open itself by the same name, opened again, so that neither position nor
//! content is shared with its siblings. Everything else is lost, and said to be.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use actwright_sandbox::plan::OWN;
use actwright_sandbox::{Step, StepError, copying};

/// Lost descriptors that are named.
const NAMED: usize = 20;

/// What the kernel appends to the name of a file that has none any more.
const DELETED: &[u8] = b" (deleted)";

/// See the module.
pub struct Belongings {
    /// Open files, by number.
    pub places: Vec<Place>,
    /// What is open and cannot be opened again, by number.
    pub holes: Vec<i32>,
    /// The same in words.
    pub lost: Vec<String>,
    /// The working directory.
    pub directory: PathBuf,
}

/// One open file of the copy.
pub struct Place {
    /// Its number.
    pub number: i32,
    /// How it was opened, as the kernel tells.
    flags: i32,
    position: u64,
    path: PathBuf,
    metadata: Metadata,
    /// A file without a name, to copy from.
    unnamed: Option<File>,
}

impl Belongings {
    /// Those of a process that is stopped. The numbers in `own` are the session's own sockets and streams.
    pub fn of(pid: i32, own: &[i32]) -> Result<Self, StepError> {
        refuse_shared_memory(pid).step(|| "look at the session's memory".to_owned())?;
        let directory =
            fs::read_link(format!("/proc/{pid}/cwd")).step(|| "find the working directory".to_owned())?;
        let mut found = Self { places: Vec::new(), holes: Vec::new(), lost: Vec::new(), directory };
        found.take_files(pid, own).step(|| "look at the session's open files".to_owned())?;
        Ok(found)
    }

    fn take_files(&mut self, pid: i32, own: &[i32]) -> io::Result<()> {
        let mut numbers: Vec<i32> = fs::read_dir(format!("/proc/{pid}/fd"))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        numbers.sort_unstable();
        for number in numbers.into_iter().filter(|number| !own.contains(number)) {
            match Place::of(pid, number)? {
                Ok(place) => self.places.push(place),
                Err(link) => {
                    self.holes.push(number);
                    self.lose(number, &link);
                }
            }
        }
        Ok(())
    }

    fn lose(&mut self, number: i32, link: &Path) {
        match self.lost.len() {
            ..NAMED => self.lost.push(words(number, link)),
            NAMED => self.lost.push("and more".to_owned()),
            _ => {}
        }
    }
}

/// A descriptor in a few words: its number, and what it is.
fn words(number: i32, link: &Path) -> String {
    let text = link.to_string_lossy();
    let kind = match text.as_ref() {
        text if text.starts_with('/') => text,
        text => {
            text.split_once(":[").map_or(text, |(kind, rest)| if kind == "anon_inode" { rest } else { kind })
        }
    };
    let kind: String =
        kind.trim_start_matches("anon_inode:").trim_end_matches(']').chars().take(60).collect();
    format!("{number} ({kind})")
}

impl Place {
    /// A descriptor as something to open again, or what its link says if it is nothing of the kind.
    fn of(pid: i32, number: i32) -> io::Result<Result<Self, PathBuf>> {
        let link = format!("/proc/{pid}/fd/{number}");
        let path = fs::read_link(&link)?;
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}"))?;
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let flags = field("flags:").and_then(|text| i32::from_str_radix(text, 8).ok());
        let position = field("pos:").and_then(|text| text.parse().ok());
        let metadata = fs::metadata(&link)?;
        let kind = metadata.file_type();
        let is_place = path.is_absolute() && (kind.is_file() || kind.is_dir() || kind.is_char_device());
        let (Some(flags), Some(position), true) = (flags, position, is_place) else { return Ok(Err(path)) };
        let is_unnamed = path.as_os_str().as_bytes().ends_with(DELETED) && metadata.nlink() == 0;
        if is_unnamed && !(kind.is_file() && path.starts_with(OWN)) {
            return Ok(Err(path));
        }
        let unnamed = if is_unnamed { Some(File::open(&link)?) } else { None };
        Ok(Ok(Self { number, flags, position, path, metadata, unnamed }))
    }

    /// Opens it again in the twin's own file systems; `None` when there is nothing by that name.
    pub fn open_again(&self, workspace: &Path) -> Option<File> {
        let file = match &self.unnamed {
            Some(original) => self.copy(original, workspace),
            None => self.open(),
        };
        let mut file = file.ok()?;
        if self.metadata.is_file() {
            file.seek(SeekFrom::Start(self.position)).ok()?;
        }
        Some(file)
    }

    fn open(&self) -> io::Result<File> {
        let there = fs::symlink_metadata(&self.path)?;
        let same_kind = there.file_type() == self.metadata.file_type();
        let same = (there.dev(), there.ino()) == (self.metadata.dev(), self.metadata.ino());
        if !same_kind || !(same || self.path.starts_with(OWN)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = self.options(libc::O_NOFOLLOW).open(&self.path)?;
        // A directory of the host's may change between the two.
        let opened = file.metadata()?;
        if (opened.dev(), opened.ino()) == (there.dev(), there.ino()) {
            Ok(file)
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn copy(&self, original: &File, workspace: &Path) -> io::Result<File> {
        use std::os::fd::AsRawFd;
        let copy = copying::copy_unnamed(original, workspace)?;
        self.options(0).open(format!("/proc/self/fd/{}", copy.as_raw_fd()))
    }

    fn options(&self, more: i32) -> OpenOptions {
        let kept = libc::O_APPEND
            | libc::O_NONBLOCK
            | libc::O_DIRECTORY
            | libc::O_DSYNC
            | libc::O_SYNC
            | libc::O_PATH;
        let mode = self.flags & libc::O_ACCMODE;
        let mut options = OpenOptions::new();
        options
            .read(mode != libc::O_WRONLY)
            .write(mode != libc::O_RDONLY)
            .custom_flags((self.flags & kept) | more);
        options
    }

    /// Whether programs that the twin runs inherit it.
    pub fn is_inherited(&self) -> bool {
        self.flags & libc::O_CLOEXEC == 0
    }

    /// What is lost when it cannot be opened again.
    pub fn words(&self) -> String {
        words(self.number, &self.path)
    }
}

/// Memory that a fork would go on sharing is a way between twins, unless it is a file that every session sees.
pub fn refuse_shared_memory(pid: i32) -> io::Result<()> {
    let maps = fs::read(format!("/proc/{pid}/maps"))?;
    for line in maps.split(|byte| *byte == b'\n') {
        // Address, rights, offset, device, inode, and the name after some spaces.
        let mut fields = line.splitn(6, |byte| *byte == b' ');
        let Some(rights) = fields.nth(1) else { continue };
        if rights.get(3) != Some(&b's') {
            continue;
        }
        let name = fields.nth(3).unwrap_or_default().trim_ascii_start();
        if is_everybodys(name) {
            continue;
        }
        let name = if name.is_empty() { "unnamed memory".into() } else { String::from_utf8_lossy(name) };
        let why = format!(
            "it shares memory by a map ({}); close shared memory, memory-mapped files, pools and locks of processes",
            name.chars().take(80).collect::<String>()
        );
        return Err(io::Error::other(why));
    }
    Ok(())
}

/// Whether a map's name is a file outside what is the session's own.
fn is_everybodys(name: &[u8]) -> bool {
    let path = Path::new(OsStr::from_bytes(name));
    let kernels = [b"/memfd:".as_slice(), b"/SYSV", b"/dev/zero", b"/anon_hugepage"];
    path.is_absolute()
        && !path.starts_with(OWN)
        && !name.ends_with(DELETED)
        && !kernels.iter().any(|start| name.starts_with(start))
}

//! One twin: forked from the frozen copy, moved, stripped, furnished, tried, and handed to its supervisor.
//!
//! Every step is a system call that the puppet is led through; what it has afterwards is read from outside, where
//! nothing that it holds can lie.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use actwright_protocol::Proof;
use actwright_sandbox::plan::{FORBIDDEN_FILE, SessionRooms};
use actwright_sandbox::puppet::Puppet;
use actwright_sandbox::session;
use actwright_sandbox::sys::{self, Waiting};
use actwright_sandbox::{Step, StepError};

use super::belongings::{Belongings, refuse_shared_memory};
use super::{Order, hand_over};

/// See the module.
pub struct Birth<'a> {
    /// What is asked for.
    pub order: &'a Order<'a>,
    /// The frozen copy.
    pub mother: &'a Puppet,
    /// What she has.
    pub belongings: &'a Belongings,
    /// Where her C library keeps the number of its thread.
    pub number_at: u64,
    /// Where the session's own sockets begin.
    pub first: i32,
    /// The twin's supervisor.
    pub line: &'a OwnedFd,
}

/// What a supervisor has made ready.
struct Furniture {
    namespaces: Vec<OwnedFd>,
    keeper: OwnedFd,
    wait: OwnedFd,
}

impl Birth<'_> {
    /// Gives what could not be opened again.
    pub fn take_place(&self) -> Result<Vec<String>, StepError> {
        let furniture = self.furniture().step(|| "furnish a twin".to_owned())?;
        let twin = self.move_in(&furniture).step(|| "move a twin into its namespaces".to_owned())?;
        strip(&twin).step(|| "take a twin's capabilities".to_owned())?;
        let lost = self.furnish(&twin, &furniture).step(|| "give a twin its files".to_owned())?;
        let (number, proofs) = self.prove(&twin, &furniture).step(|| "prove a twin's walls".to_owned())?;
        twin.release().step(|| "let a twin go".to_owned())?;
        hand_over(self.line, number, &proofs).step(|| "hand a twin over".to_owned())?;
        Ok(lost)
    }

    fn hear(&self) -> io::Result<Option<OwnedFd>> {
        let mut byte = [0; 1];
        match sys::receive(self.line.as_fd(), &mut byte, Waiting::Block)? {
            (1, fds) => Ok(fds.into_iter().next()),
            _ => Err(io::Error::other("its supervisor has ended")),
        }
    }

    fn furniture(&self) -> io::Result<Furniture> {
        let given = || self.hear()?.ok_or_else(|| io::Error::other("a descriptor is missing"));
        let kinds = session::namespaces(&self.order.plan.rooms);
        let namespaces: io::Result<_> = kinds.iter().map(|_| given()).collect();
        Ok(Furniture { namespaces: namespaces?, keeper: given()?, wait: given()? })
    }

    fn hand(&self, to: &Puppet, fd: BorrowedFd<'_>) -> io::Result<i32> {
        to.hand(self.order.wake.as_fd(), fd)
    }

    /// Forks the copy, and its fork again, so that the twin is a child of its supervisor.
    fn move_in(&self, furniture: &Furniture) -> io::Result<Puppet> {
        let outside = self.mother.fork()?;
        self.close_all_but_the_line(&outside)?;
        let kinds = session::namespaces(&self.order.plan.rooms);
        for ((_, kind), namespace) in kinds.iter().zip(&furniture.namespaces) {
            let number = self.hand(&outside, namespace.as_fd())?;
            if !is_same(namespace.as_fd(), &outside, number)? {
                return Err(io::Error::other("another descriptor arrived"));
            }
            outside.call(libc::SYS_setns, [number as u64, *kind as u64, 0, 0, 0, 0])?;
            outside.call(libc::SYS_close, [number as u64, 0, 0, 0, 0, 0])?;
        }
        let between = outside.fork()?;
        let twin = between.fork_with_number_at(self.number_at)?;
        outside.kill()?;
        between.kill()?;
        twin.call(libc::SYS_setsid, [0; 6])?;
        Ok(twin)
    }

    fn close_all_but_the_line(&self, puppet: &Puppet) -> io::Result<()> {
        let line = puppet.waits_on() as u64;
        if line > 0 {
            puppet.call(libc::SYS_close_range, [0, line - 1, 0, 0, 0, 0])?;
        }
        puppet.call(libc::SYS_close_range, [line + 1, u64::from(u32::MAX), 0, 0, 0, 0]).map(drop)
    }

    /// Puts everything where the mother has it, from below, so that nothing that arrives lies in another's place.
    fn furnish(&self, twin: &Puppet, furniture: &Furniture) -> io::Result<Vec<String>> {
        let mut lost = Vec::new();
        let null = fs::File::options().read(true).write(true).open("/dev/null")?;
        // It can be closed, and everything else with it fails: who still has the number must not find another file.
        let dead = nothing()?;
        let mut all: Vec<(i32, Thing<'_>)> = vec![
            (0, Thing::Fixed(null.as_fd(), Inherited::Yes)),
            (1, Thing::Fixed(null.as_fd(), Inherited::Yes)),
            (2, Thing::Fixed(null.as_fd(), Inherited::Yes)),
            (self.first, Thing::Fixed(null.as_fd(), Inherited::No)),
            (self.first + 1, Thing::Fixed(furniture.keeper.as_fd(), Inherited::No)),
        ];
        all.extend(
            self.belongings.holes.iter().map(|number| (*number, Thing::Fixed(dead.as_fd(), Inherited::No))),
        );
        let places = self.belongings.places.iter();
        all.extend(places.enumerate().map(|(index, place)| (place.number, Thing::Place(index))));
        all.sort_by_key(|(number, _)| *number);
        for (number, thing) in all {
            match thing {
                Thing::Fixed(fd, inherited) => self.place(twin, fd, number, inherited)?,
                Thing::Place(index) => {
                    let place = &self.belongings.places[index];
                    sys::send(self.line.as_fd(), b"g", &[], Waiting::Block)?;
                    let inherited = if place.is_inherited() { Inherited::Yes } else { Inherited::No };
                    match self.hear()? {
                        Some(file) => self.place(twin, file.as_fd(), number, inherited)?,
                        None => {
                            lost.push(place.words());
                            self.place(twin, dead.as_fd(), number, Inherited::No)?;
                        }
                    }
                }
            }
        }
        self.place(twin, furniture.wait.as_fd(), twin.waits_on(), Inherited::No)?;
        self.enter_directory(twin)?;
        Ok(lost)
    }

    fn place(&self, twin: &Puppet, fd: BorrowedFd<'_>, number: i32, inherited: Inherited) -> io::Result<()> {
        let arrived = self.hand(twin, fd)?;
        let flags = if inherited == Inherited::Yes { 0 } else { libc::O_CLOEXEC };
        if !is_same(fd, twin, arrived)? {
            // Code may have kept the other end of the line and filled it before.
            return Err(io::Error::other("another descriptor arrived"));
        }
        if arrived == number {
            let flags = if inherited == Inherited::Yes { 0 } else { libc::FD_CLOEXEC };
            let arguments = [number as u64, libc::F_SETFD as u64, flags as u64, 0, 0, 0];
            return twin.call(libc::SYS_fcntl, arguments).map(drop);
        }
        twin.call(libc::SYS_dup3, [arrived as u64, number as u64, flags as u64, 0, 0, 0])?;
        twin.call(libc::SYS_close, [arrived as u64, 0, 0, 0, 0, 0]).map(drop)
    }

    fn enter_directory(&self, twin: &Puppet) -> io::Result<()> {
        let enter = |path: &Path| {
            let mut bytes = path.as_os_str().as_bytes().to_vec();
            bytes.push(0);
            twin.call_with(libc::SYS_chdir, [0; 6], 0, &bytes)
        };
        match enter(&self.belongings.directory) {
            Ok(_) => Ok(()),
            // It has been deleted, or has a name that is too long to be told.
            Err(_) => enter(&self.order.plan.workspace).map(drop),
        }
    }

    /// Tries every wall, from outside and with the twin's own rights; gives its number in its own namespace.
    fn prove(&self, twin: &Puppet, furniture: &Furniture) -> io::Result<(i32, Vec<Proof>)> {
        let pid = twin.pid();
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            value.ok_or_else(|| io::Error::other(format!("{name} is missing")))
        };
        for name in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            expect(name, field(name)?.bytes().all(|digit| digit == b'0'))?;
        }
        for (name, value) in [("NoNewPrivs:", "1"), ("Seccomp:", "2"), ("Threads:", "1")] {
            expect(name, field(name)? == value)?;
        }
        let number = field("NSpid:")?.split_whitespace().last().and_then(|number| number.parse().ok());
        let number = number.ok_or_else(|| io::Error::other("it has no number of its own"))?;
        let mut proofs = vec![
            proof("no capabilities", "status CapInh CapPrm CapEff CapBnd CapAmb".to_owned()),
            proof("seccomp", "status Seccomp NoNewPrivs".to_owned()),
        ];
        for ((name, _), namespace) in
            session::namespaces(&self.order.plan.rooms).iter().zip(&furniture.namespaces)
        {
            let given = fs::File::from(namespace.try_clone()?).metadata()?;
            let found = fs::metadata(format!("/proc/{pid}/ns/{name}"))?;
            expect(name, (given.dev(), given.ino()) == (found.dev(), found.ino()))?;
        }
        proofs.push(proof("namespaces", format!("own pid {number}, all of its own")));
        self.count_descriptors(twin)?;
        // The mother's memory was looked at before the fork; this is what the twin has.
        refuse_shared_memory(pid)?;
        proofs.push(proof("descriptors", "only files that it can open, and its own sockets".to_owned()));
        proofs.extend(self.tries(twin)?);
        Ok((number, proofs))
    }

    fn count_descriptors(&self, twin: &Puppet) -> io::Result<()> {
        let mut numbers: Vec<i32> = vec![0, 1, 2, self.first, self.first + 1, twin.waits_on()];
        numbers.extend(&self.belongings.holes);
        numbers.extend(self.belongings.places.iter().map(|place| place.number));
        numbers.sort_unstable();
        let mut found: Vec<i32> = fs::read_dir(format!("/proc/{}/fd", twin.pid()))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        found.sort_unstable();
        expect("descriptors", numbers == found)
    }

    fn tries(&self, twin: &Puppet) -> io::Result<Vec<Proof>> {
        let here = libc::AT_FDCWD as u64;
        let open = |path: &str, flags: i32| {
            let mut bytes = path.as_bytes().to_vec();
            bytes.push(0);
            twin.call_with(libc::SYS_openat, [here, 0, flags as u64, 0o600, 0, 0], 1, &bytes)
        };
        let mut proofs = vec![
            refused("own root", "open /etc/shadow", open("/etc/shadow", 0), &[libc::ENOENT])?,
            refused("landlock", "open /forbidden", open(FORBIDDEN_FILE, 0), &[libc::EACCES])?,
            refused(
                "read-only system",
                "create /usr/.probe",
                open("/usr/.probe", libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL),
                &[libc::EACCES, libc::EROFS],
            )?,
            refused(
                "no new namespaces",
                "unshare CLONE_NEWUSER",
                twin.call(libc::SYS_unshare, [libc::CLONE_NEWUSER as u64, 0, 0, 0, 0, 0]),
                &[libc::ENOSYS],
            )?,
        ];
        if matches!(self.order.plan.rooms, SessionRooms::Own { network: true, .. }) {
            let kind = (libc::SOCK_STREAM | libc::SOCK_NONBLOCK) as u64;
            let socket = twin.call(libc::SYS_socket, [libc::AF_INET as u64, kind, 0, 0, 0, 0])?;
            // 192.0.2.1, port 9: an address kept for documentation, RFC 5737.
            let mut address = [0; 16];
            address[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
            address[3..8].copy_from_slice(&[9, 192, 0, 2, 1]);
            let tried = twin.call_with(libc::SYS_connect, [socket, 0, 16, 0, 0, 0], 1, &address);
            proofs.push(refused("no network", "connect 192.0.2.1", tried, &[libc::ENETUNREACH])?);
            twin.call(libc::SYS_close, [socket, 0, 0, 0, 0, 0])?;
        }
        Ok(proofs)
    }
}

/// Whether a descriptor of the puppet's is of the same file as one of ours.
fn is_same(ours: BorrowedFd<'_>, puppet: &Puppet, number: i32) -> io::Result<bool> {
    let ours = fs::File::from(ours.try_clone_to_owned()?).metadata()?;
    let found = fs::metadata(format!("/proc/{}/fd/{number}", puppet.pid()))?;
    Ok((ours.dev(), ours.ino()) == (found.dev(), found.ino()))
}

/// What comes to a descriptor's place.
enum Thing<'a> {
    Fixed(BorrowedFd<'a>, Inherited),
    Place(usize),
}

/// Whether a program that is run has the descriptor too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inherited {
    Yes,
    No,
}

/// A descriptor with which nothing can be done.
fn nothing() -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::File::options().read(true).custom_flags(libc::O_PATH).open("/dev/null")
}

/// Takes everything that a new user namespace has given: first what could come back, then what there is.
fn strip(twin: &Puppet) -> io::Result<()> {
    for capability in 0..64 {
        let arguments = [libc::PR_CAPBSET_DROP as u64, capability, 0, 0, 0, 0];
        match twin.call(libc::SYS_prctl, arguments) {
            Ok(_) => {}
            // There are no more.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => break,
            Err(error) => return Err(error),
        }
    }
    twin.drop_capabilities()
}

fn expect(what: &str, holds: bool) -> io::Result<()> {
    if holds {
        Ok(())
    } else {
        Err(io::Error::other(format!("{} is not as it should be", what.trim_end_matches(':'))))
    }
}

fn proof(name: &str, evidence: String) -> Proof {
    Proof { name: name.to_owned(), evidence }
}

fn refused(name: &str, what: &str, tried: io::Result<u64>, expected: &[i32]) -> io::Result<Proof> {
    match tried {
        Err(error) if error.raw_os_error().is_some_and(|code| expected.contains(&code)) => {
            Ok(proof(name, format!("{what}: {error}")))
        }
        Err(error) => Err(io::Error::other(format!("{what} was refused by something else: {error}"))),
        Ok(_) => Err(io::Error::other(format!("{what} succeeded"))),
    }
}

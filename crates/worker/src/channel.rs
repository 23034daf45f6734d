//! The live process's one connection to the host, as Python sees it.
//!
//! Any thread may call the host at any time, also between cells. Whoever waits first reads for all and files what is
//! not its own; the others sleep until something is filed or the reading falls to them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actwright_protocol::{
    Blob, CallError, CheckpointRules, FromWorker, OutputStream, ToWorker, Value, decode, encode_datagram,
};
use actwright_sandbox::sys::{self, Interest, Resource};
use pyo3::exceptions::{PyConnectionError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PySequence, PyString};

use crate::ages::Ages;
use crate::birth;
use crate::convert;
use crate::output::Streams;
use crate::park::{self, Park, Parked};
use crate::socket::{Inbox, Step, pack, send_frame};

pyo3::create_exception!(
    _actwright,
    HostCallError,
    pyo3::exceptions::PyException,
    "The host answered a call with an error."
);

/// How long a thread that is not reading sleeps before it looks after signals.
const NAP: Duration = Duration::from_millis(100);

/// The session's connection to the host.
#[pyclass(frozen, module = "_actwright")]
#[derive(Debug)]
pub struct Channel {
    mail: Mutex<Mail>,
    filed: Condvar,
    inbox: Mutex<Inbox>,
    sending: Mutex<()>,
    streams: Streams,
    ages: Ages,
    /// The limit on memory that code has, while the session's own work may go beyond.
    lent: Mutex<Option<u64>>,
    next_call: AtomicU64,
    disowned: AtomicBool,
    park: Mutex<Park>,
}

/// What has arrived and waits for its reader.
#[derive(Debug, Default)]
struct Mail {
    reading: bool,
    runs: VecDeque<PendingRun>,
    replies: HashMap<u64, Result<Vec<u8>, CallError>>,
    /// Calls whose answers nobody wants any more.
    abandoned: HashSet<u64>,
    /// Calls that an event loop waits for, with the pipe that wakes it.
    wakes: HashMap<u64, RawFd>,
}

#[derive(Debug)]
struct PendingRun {
    cell: u64,
    code: Vec<u8>,
    plan: bool,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves plain data behind, which is as good as before.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Channel {
    /// The channel over the data socket that birth has put in place.
    pub fn at_fixed_place(checkpoints: CheckpointRules) -> Self {
        Self {
            mail: Mutex::default(),
            filed: Condvar::new(),
            inbox: Mutex::default(),
            sending: Mutex::new(()),
            streams: Streams::default(),
            ages: Ages::default(),
            lent: Mutex::default(),
            next_call: AtomicU64::new(1),
            disowned: AtomicBool::new(false),
            park: Mutex::new(Park::new(checkpoints)),
        }
    }

    fn take_back(&self) {
        if let Some(before) = lock(&self.lent).take() {
            sys::take_back(Resource::Data, before);
        }
    }

    fn socket(&self) -> PyResult<BorrowedFd<'static>> {
        if self.disowned.load(Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err(
                "this is a forked child: only the session's own process may call the host",
            ));
        }
        Ok(sys::borrow(birth::data()))
    }

    fn send(&self, py: Python<'_>, message: &FromWorker, beside: &[OwnedFd]) -> PyResult<()> {
        let socket = self.socket()?;
        py.detach(|| {
            let _turn = lock(&self.sending);
            let fds: Vec<BorrowedFd<'_>> = beside.iter().map(AsFd::as_fd).collect();
            send_frame(socket, message, &fds)
        })
        .map_err(|error| PyConnectionError::new_err(error.to_string()))
    }

    /// Waits until `pick` finds what it wants; `None` when the host is gone.
    fn wait_for<T: Send>(
        &self,
        py: Python<'_>,
        pick: impl Fn(&mut Mail) -> Option<T> + Send + Sync,
    ) -> PyResult<Option<T>> {
        let socket = self.socket()?;
        loop {
            match py.detach(|| self.look(socket, &pick)) {
                Ok(found) => return Ok(Some(found)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => py.check_signals()?,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(PyConnectionError::new_err(error.to_string())),
            }
        }
    }

    fn look<T>(&self, socket: BorrowedFd<'_>, pick: &impl Fn(&mut Mail) -> Option<T>) -> io::Result<T> {
        let mut mail = lock(&self.mail);
        loop {
            if let Some(found) = pick(&mut mail) {
                return Ok(found);
            }
            if mail.reading {
                let (guard, nap) = self.filed.wait_timeout(mail, NAP).unwrap_or_else(PoisonError::into_inner);
                mail = guard;
                if nap.timed_out() {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                continue;
            }
            mail.reading = true;
            drop(mail);
            let arrived = self.read(socket);
            mail = lock(&self.mail);
            mail.reading = false;
            self.filed.notify_all();
            for message in arrived? {
                mail.file(message);
            }
        }
    }

    /// Files what has arrived, if nobody else is about to.
    fn glance(&self, socket: BorrowedFd<'_>) -> io::Result<()> {
        let interest = Interest { fd: socket.as_raw_fd(), readable: true, writable: false };
        while sys::wait(&[interest], 0)?.first().is_some_and(|(readable, _)| *readable) {
            let mut mail = lock(&self.mail);
            if mail.reading {
                return Ok(());
            }
            mail.reading = true;
            drop(mail);
            let arrived = self.read(socket);
            let mut mail = lock(&self.mail);
            mail.reading = false;
            self.filed.notify_all();
            for message in arrived? {
                mail.file(message);
            }
        }
        Ok(())
    }

    /// Sends a call and gives its number.
    fn send_call(
        &self,
        py: Python<'_>,
        name: String,
        args: &Bound<'_, PySequence>,
        kwargs: &Bound<'_, PyDict>,
        wake: Option<RawFd>,
    ) -> PyResult<u64> {
        let arguments = Value::List(vec![convert::sequence(args)?, convert::to_value(kwargs.as_any())?]);
        let encoded =
            encode_datagram(&arguments).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let mut beside = Vec::new();
        let arguments: Blob = pack(&encoded, &mut beside);
        let id = self.next_call.fetch_add(1, Ordering::Relaxed);
        if let Some(wake) = wake {
            lock(&self.mail).wakes.insert(id, wake);
        }
        self.send(py, &FromWorker::Call { id, name, arguments }, &beside)?;
        Ok(id)
    }

    /// Tells everybody that this answer is not wanted.
    fn give_up(&self, py: Python<'_>, id: u64) -> PyResult<()> {
        let mut mail = lock(&self.mail);
        mail.wakes.remove(&id);
        if mail.replies.remove(&id).is_some() {
            return Ok(());
        }
        mail.abandoned.insert(id);
        drop(mail);
        self.send(py, &FromWorker::Abandon { id }, &[])
    }

    /// Reads once and gives every whole message.
    fn read(&self, socket: BorrowedFd<'_>) -> io::Result<Vec<Arrived>> {
        let mut inbox = lock(&self.inbox);
        // Code may have used up its descriptors; a cell's pipes must still find room.
        let lent = sys::lend(Resource::Files);
        let filled = inbox.fill(socket);
        if let Some(before) = lent {
            sys::take_back(Resource::Files, before);
        }
        filled?;
        let mut arrived = Vec::new();
        while let Step::Message(message) = inbox.take::<ToWorker>()? {
            arrived.push(match message {
                ToWorker::Run { cell, code, plan } => {
                    let (stdout, stderr) = (inbox.descriptor()?, inbox.descriptor()?);
                    let code = inbox.blob(code)?;
                    Arrived::Run(PendingRun { cell, code, plan, stdout, stderr })
                }
                ToWorker::Reply { id, result: Ok(blob) } => Arrived::Reply(id, Ok(inbox.blob(blob)?)),
                ToWorker::Reply { id, result: Err(error) } => Arrived::Reply(id, Err(error)),
            });
        }
        Ok(arrived)
    }
}

enum Arrived {
    Run(PendingRun),
    Reply(u64, Result<Vec<u8>, CallError>),
}

impl Mail {
    fn file(&mut self, message: Arrived) {
        match message {
            Arrived::Run(run) => self.runs.push_back(run),
            Arrived::Reply(id, _) if self.abandoned.remove(&id) => {}
            Arrived::Reply(id, result) => {
                self.replies.insert(id, result);
                if let Some(wake) = self.wakes.remove(&id) {
                    // A full pipe wakes as well, and code that closes the pipe waits for ever by itself.
                    let _ = sys::write(sys::borrow(wake), b"!");
                }
            }
        }
    }
}

/// A call's number, its value, its error.
type Collected<'py> = (u64, Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>);

/// An answer as a value, or raised.
fn answer(py: Python<'_>, reply: Result<Vec<u8>, CallError>) -> PyResult<Bound<'_, PyAny>> {
    match reply {
        Err(error) => Err(HostCallError::new_err((error.kind, error.message))),
        Ok(bytes) => {
            let value: Value =
                decode(&bytes).map_err(|error| PyConnectionError::new_err(error.to_string()))?;
            convert::from_value(py, &value)
        }
    }
}

#[pymethods]
impl Channel {
    /// Waits for the next cell: its number, its source, and whether only to plan it; None when the host is gone.
    fn next_run<'py>(&self, py: Python<'py>) -> PyResult<Option<(u64, Bound<'py, PyString>, bool)>> {
        self.lend();
        let Some(run) = self.wait_for(py, |mail| mail.runs.pop_front())? else { return Ok(None) };
        // A thread of the cell before may be in the middle of a piece.
        py.detach(|| self.streams.switch(run.cell, &run.stdout, &run.stderr))?;
        let code = PyBytes::new(py, &run.code).call_method1("decode", ("utf-8", "replace"))?;
        // Code before may have closed its stdin or kept interrupts out; that must not reach into this cell.
        sys::fill_standard_input()?;
        sys::unblock(sys::INTERRUPT)?;
        self.take_back();
        Ok(Some((run.cell, code.cast_into::<PyString>()?, run.plan)))
    }

    /// Lets the session's own work go beyond the limit on memory that code has, until the next cell begins.
    fn lend(&self) {
        let mut lent = lock(&self.lent);
        if lent.is_none() {
            *lent = sys::lend(Resource::Data);
        }
    }

    /// Writes text or bytes of a cell to its pipe; gives back what was not written because its turn is over.
    fn emit<'py>(&self, cell: u64, stream: i32, content: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.streams.emit(cell, stream, content)
    }

    /// Ends the cell's turn.
    fn done(&self, py: Python<'_>, cell: u64, outcome: &Bound<'_, PyDict>) -> PyResult<()> {
        self.lend();
        py.detach(|| {
            sys::flush_printed();
            self.ages.part(&lock(&self.park).copies());
        });
        let mut beside = Vec::new();
        let done = convert::done(cell, outcome, &mut beside)?;
        self.send(py, &FromWorker::Done(done), &beside)
    }

    /// Shows one rich object: (media type, content) pairs, best first.
    fn display(&self, py: Python<'_>, cell: u64, forms: &Bound<'_, PySequence>) -> PyResult<()> {
        let mut beside = Vec::new();
        let mut packed = Vec::new();
        for form in forms.try_iter()? {
            let (media_type, content): (String, Bound<'_, PyBytes>) = form?.extract()?;
            packed.push((media_type, pack(content.as_bytes(), &mut beside)));
            if beside.len() >= sys::MAX_DESCRIPTORS {
                break;
            }
        }
        self.send(py, &FromWorker::Display { cell, forms: packed }, &beside)
    }

    /// Hands over text that belongs to a cell that has ended.
    fn late(&self, py: Python<'_>, cell: u64, stream: u8, text: &Bound<'_, PyString>) -> PyResult<()> {
        let stream = match stream {
            1 => OutputStream::Stdout,
            2 => OutputStream::Stderr,
            _ => return Err(PyValueError::new_err("stream is 1 or 2")),
        };
        let mut beside = Vec::new();
        let text = pack(convert::utf8(text)?.as_bytes(), &mut beside);
        self.send(py, &FromWorker::Late { cell, stream, text }, &beside)
    }

    /// Calls the host and waits for the answer.
    fn call<'py>(
        &self,
        py: Python<'py>,
        name: String,
        args: &Bound<'py, PySequence>,
        kwargs: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let id = self.send_call(py, name, args, kwargs, None)?;
        let reply = match self.wait_for(py, |mail| mail.replies.remove(&id)) {
            Ok(reply) => reply,
            Err(interrupted) => {
                // The answer may still come and must find nobody; the host is told not to bother.
                self.give_up(py, id)?;
                return Err(interrupted);
            }
        };
        match reply {
            None => Err(PyConnectionError::new_err("the host is gone")),
            Some(reply) => answer(py, reply),
        }
    }

    /// Calls the host and does not wait for the answer, which `collect` gives.
    fn begin(
        &self,
        py: Python<'_>,
        name: String,
        args: &Bound<'_, PySequence>,
        kwargs: &Bound<'_, PyDict>,
        wake: RawFd,
    ) -> PyResult<u64> {
        if wake < 3 {
            return Err(PyValueError::new_err(
                "the pipe that wakes a loop is none of the three standard streams",
            ));
        }
        self.send_call(py, name, args, kwargs, Some(wake))
    }

    /// The answers of these calls that have come, each with its value or its error. Never waits.
    fn collect<'py>(&self, py: Python<'py>, calls: Vec<u64>) -> PyResult<Vec<Collected<'py>>> {
        let socket = self.socket()?;
        py.detach(|| self.glance(socket)).map_err(|error| PyConnectionError::new_err(error.to_string()))?;
        let come: Vec<_> = {
            let mut mail = lock(&self.mail);
            calls
                .into_iter()
                .filter_map(|id| {
                    let reply = mail.replies.remove(&id)?;
                    mail.wakes.remove(&id);
                    Some((id, reply))
                })
                .collect()
        };
        Ok(come
            .into_iter()
            .map(|(id, reply)| match answer(py, reply) {
                Ok(value) => (id, Some(value), None),
                Err(error) => (id, None, Some(error.into_value(py).into_bound(py).into_any())),
            })
            .collect())
    }

    /// Nobody waits for this call's answer any more.
    fn abandon(&self, py: Python<'_>, call: u64) -> PyResult<()> {
        self.give_up(py, call)
    }

    /// The descriptor that becomes readable when the host has sent something.
    fn fileno(&self) -> RawFd {
        birth::data()
    }

    /// Between two cells: parks a frozen copy of this process to go on from. False in the process that runs on; true in
    /// the copy when it is woken in its place.
    fn park(&self, py: Python<'_>, cell: u64) -> PyResult<bool> {
        let socket = self.socket()?;
        let parked = {
            // A thread may be in the middle of a write: the copy would inherit its locks and nobody to open them.
            // Whoever holds one does so for a moment, and does not need the interpreter to let go.
            let _sending = lock(&self.sending);
            let _writing = self.streams.hold();
            lock(&self.park).park(py, cell)
        };
        self.ages.note();
        let message = match parked {
            Parked::Live(copy) => FromWorker::Parked { cell, copy },
            Parked::Copy => {
                // What the given-up process had read or was told is not for this one.
                *lock(&self.mail) = Mail::default();
                *lock(&self.inbox) = Inbox::default();
                self.disowned.store(false, Ordering::Relaxed);
                send_frame(socket, &FromWorker::Resumed { cell }, &[])?;
                return Ok(true);
            }
        };
        self.send(py, &message, &[])?;
        Ok(false)
    }

    /// Whether this process has just been woken as one of several that go on from the same state; said once.
    fn is_new_twin(&self) -> bool {
        park::is_new_twin()
    }

    /// In a forked child: this process must never speak for the session again.
    fn disown(&self) {
        if park::is_waking() {
            return;
        }
        self.disowned.store(true, Ordering::Relaxed);
        self.streams.forked();
        // The number is ours by birth; whoever holds it in this child is this channel alone.
        let _ = sys::adopt(birth::data()).map(drop);
    }
}

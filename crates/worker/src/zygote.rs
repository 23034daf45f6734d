//! The zygote: a warm interpreter that waits for the host's word and forks a session.
//!
//! It must have one thread, or the children inherit locks that nobody will ever release.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};

use actwright_protocol::{FromZygote, PythonFacts, SessionSpec, ToZygote, TwinsSpec, VERSION, decode};
use actwright_sandbox::StepError;
use actwright_sandbox::plan::{SeccompPlan, SessionPlan};
use actwright_sandbox::seccomp::Filters;
use actwright_sandbox::sys::{self, Forked, Interest};
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;

use crate::birth::{Birth, be_born};
use crate::channel::Channel;
use crate::midwife::{self, Order};
use crate::orphans::Family;
use crate::socket::{invalid, receive_datagram, send_datagram};

/// How long nobody must have asked for a session before the zygote spends time on itself.
const IDLE_MS: i32 = 15;

/// Serves the host on the control socket. In a forked session it returns the session's channel; in the zygote
/// it returns nothing, when the host has let go. `warm_up` is called once, in the first idle moment, and gives the names of the
/// packages that it has imported and those that it has not, with the reasons.
#[pyfunction]
pub fn run_zygote(py: Python<'_>, control: RawFd, warm_up: &Bound<'_, PyAny>) -> PyResult<Option<Channel>> {
    let socket = sys::adopt(control)?;
    let python = facts(py)?;
    require_one_thread(&socket)?;
    let mut family = Family::begin()?;
    send_datagram(socket.as_fd(), &FromZygote::Ready { version: VERSION, python })?;
    let mut filters = HashMap::new();
    let mut warm = false;
    loop {
        if !warm && is_idle(control)? {
            let (imported, refused) = warm_up.call0()?.extract()?;
            require_one_thread(&socket)?;
            send_datagram(socket.as_fd(), &FromZygote::Warmed { imported, refused })?;
            warm = true;
        }
        family.tend_until_readable(control)?;
        let (order, fds) = match receive_datagram::<ToZygote>(socket.as_fd()) {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(PyOSError::new_err(error.to_string())),
        };
        let spec = match order {
            ToZygote::Spawn(spec) => spec,
            ToZygote::Twins(spec) => {
                // What goes wrong closes the report's socket, and the host sees that.
                if let Ok(Some(pid)) = attend(spec, fds, &mut filters) {
                    family.add(pid);
                }
                continue;
            }
        };
        match spawn(py, &spec, fds, &mut filters)? {
            Spawned::Here(channel) => return Ok(Some(channel)),
            Spawned::Child(pid) => family.add(pid),
            Spawned::Failed => {}
        }
    }
}

fn is_idle(control: RawFd) -> io::Result<bool> {
    let ready = sys::wait(&[Interest { fd: control, readable: true, writable: false }], IDLE_MS);
    match ready {
        Ok(ready) => Ok(!ready.iter().any(|(readable, _)| *readable)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error),
    }
}

fn require_one_thread(socket: &OwnedFd) -> PyResult<()> {
    let threads = sys::own_threads()?;
    if threads == 1 {
        return Ok(());
    }
    let reason = format!("the interpreter has {threads} threads after its imports and cannot be forked");
    send_datagram(socket.as_fd(), &FromZygote::Failed { reason: reason.clone() })?;
    Err(PyRuntimeError::new_err(reason))
}

fn facts(py: Python<'_>) -> PyResult<PythonFacts> {
    let sys = py.import("sys")?;
    let implementation: String = sys.getattr("implementation")?.getattr("name")?.extract()?;
    let version: (u32, u32, u32) =
        sys.getattr("version_info")?.get_item(pyo3::types::PySlice::new(py, 0, 3, 1))?.extract()?;
    Ok(PythonFacts {
        version: format!("{}.{}.{}", version.0, version.1, version.2),
        implementation,
        threads: u32::try_from(sys::own_threads()?).unwrap_or(u32::MAX),
    })
}

/// What a fork gave.
#[expect(clippy::large_enum_variant, reason = "made once and taken apart at once")]
enum Spawned {
    /// This is the session.
    Here(Channel),
    /// This is the zygote, and that its new child.
    Child(i32),
    /// There is no session; the host sees both sockets close.
    Failed,
}

/// The filters of a plan, compiled once.
fn compiled<'a>(
    plan: &SessionPlan,
    known: &'a mut HashMap<SeccompPlan, Filters>,
) -> Result<Option<&'a Filters>, StepError> {
    let Some(kind) = plan.seccomp else { return Ok(None) };
    Ok(Some(match known.entry(kind) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(Filters::compile(kind)?),
    }))
}

/// Forks the process that gives a session twins.
fn attend(
    spec: TwinsSpec,
    fds: Vec<OwnedFd>,
    filters: &mut HashMap<SeccompPlan, Filters>,
) -> io::Result<Option<i32>> {
    let plan: SessionPlan = decode(&spec.session.plan).map_err(io::Error::other)?;
    let filters = compiled(&plan, filters).map_err(io::Error::other)?;
    let TwinsSpec { session, mother, cell, count } = spec;
    let Some((report, wake, namespaces, twins)) = midwife::sort(fds, count) else { return Ok(None) };
    // SAFETY of `fork`: the process has one thread, and the child never comes back to Python.
    #[allow(unsafe_code)]
    match unsafe { sys::fork() }? {
        Forked::Parent(pid) => Ok(Some(pid)),
        Forked::Child => midwife::attend(&Order {
            plan,
            filters,
            spec: session,
            mother,
            cell,
            report,
            wake,
            namespaces,
            twins,
        }),
    }
}

/// Forks one session.
fn spawn(
    py: Python<'_>,
    spec: &SessionSpec,
    fds: Vec<OwnedFd>,
    filters: &mut HashMap<SeccompPlan, Filters>,
) -> PyResult<Spawned> {
    let plan: SessionPlan = decode(&spec.plan).map_err(invalid)?;
    let checkpoints = spec.checkpoints;
    let mut fds = fds.into_iter();
    let (Some(data), Some(control)) = (fds.next(), fds.next()) else {
        return Err(PyOSError::new_err("a session needs two descriptors"));
    };
    let entrances = fds.collect();
    let filters = compiled(&plan, filters).map_err(|error| PyOSError::new_err(error.to_string()))?;
    let zygote = sys::pid();
    // SAFETY: the interpreter's lock is held, and these three calls surround the fork as CPython's own
    // `os.fork` does. The process has one thread (checked before the first fork).
    #[allow(unsafe_code)]
    let forked = unsafe {
        pyo3::ffi::PyOS_BeforeFork();
        let forked = sys::fork();
        if !matches!(forked, Ok(Forked::Child)) {
            pyo3::ffi::PyOS_AfterFork_Parent();
        }
        forked
    };
    match forked {
        Ok(Forked::Parent(pid)) => Ok(Spawned::Child(pid)),
        Err(_) => Ok(Spawned::Failed),
        Ok(Forked::Child) => {
            be_born(Birth { plan, filters, data, control, entrances, checkpoints, zygote });
            // SAFETY: the counterpart of `PyOS_BeforeFork` above, in the process that goes on with Python.
            #[allow(unsafe_code)]
            unsafe {
                pyo3::ffi::PyOS_AfterFork_Child()
            };
            py.check_signals()?;
            Ok(Spawned::Here(Channel::at_fixed_place(checkpoints)))
        }
    }
}

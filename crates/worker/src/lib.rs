//! The worker: the extension module that turns any CPython from 3.9 on into a zygote of sandboxed sessions.
//!
//! In reading order: [`zygote`] waits, warm, and forks; [`birth`] takes the forked child through the walls;
//! [`supervisor`] is what stays as pid 1 of a session, [`meter`] what it watches, [`orphans`] what it
//! leaves behind if it is killed; [`channel`]
//! is how the live process talks to the host; [`convert`] turns Python values into messages and back; [`output`]
//! writes text to a cell's pipes; [`ages`] keeps the processes of two cells apart; [`park`] keeps frozen copies to go
//! on from, and [`midwife`] makes twins of one. This is the only crate that knows Python. Nothing here holds a credential, and the host believes none of
//! what it says.

mod ages;
mod birth;
mod channel;
mod convert;
mod meter;
mod midwife;
mod orphans;
mod output;
mod park;
mod socket;
mod supervisor;
mod zygote;

use pyo3::prelude::*;

/// The module `_actwright`.
#[pymodule]
fn actwright_worker(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<channel::Channel>()?;
    module.add("HostCallError", module.py().get_type::<channel::HostCallError>())?;
    module.add_function(wrap_pyfunction!(zygote::run_zygote, module)?)?;
    Ok(())
}

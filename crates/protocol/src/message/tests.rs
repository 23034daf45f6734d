//! The bytes of every kind of message, so that changing them is a decision about `VERSION`.

use super::*;
use crate::{
    CheckpointRules, FromLive, FromMidwife, FromSupervisor, FromZygote, PythonFacts, SessionSpec,
    ToSupervisor, ToZygote, TwinsSpec, encode_datagram,
};

fn hex<T: Serialize>(message: &T) -> String {
    encode_datagram(message).unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bytes_are_those_of_this_version() {
    let blob = || Blob::inline(*b"x");
    let refused = CallError { kind: "k".into(), message: "m".into() };
    let done = Done {
        cell: 1,
        value: Some(ValueForm { repr: blob(), type_name: "int".into(), json: Some(Blob::Memfd(300_000)) }),
        error: Some(Failure {
            type_name: "E".into(),
            line: Some(2),
            hints: vec!["h".into()],
            ..Failure::default()
        }),
        plan: Some(vec![Undefined {
            name: "f".into(),
            line: 1,
            arguments: vec!["x".into()],
            types: vec!["?".into()],
        }]),
        imports: vec!["i".into()],
    };
    let checkpoints = CheckpointRules { keep: 3, memory: Some(1 << 28), micros: None };
    let python = PythonFacts { version: "3.11.7".into(), implementation: "cpython".into(), threads: 1 };
    let lines = [
        format!("version {}", crate::VERSION),
        hex(&ToWorker::Run { cell: 1, code: blob(), plan: false }),
        hex(&ToWorker::Reply { id: 7, result: Ok(blob()) }),
        hex(&ToWorker::Reply { id: 7, result: Err(refused) }),
        hex(&FromWorker::Ready(Ready {
            version: 1,
            proofs: vec![Proof { name: "n".into(), evidence: "e".into() }],
        })),
        hex(&FromWorker::Done(done)),
        hex(&FromWorker::Display { cell: 1, forms: vec![("image/png".into(), blob())] }),
        hex(&FromWorker::Late { cell: 1, stream: OutputStream::Stderr, text: blob() }),
        hex(&FromWorker::Call { id: 7, name: "progress".into(), arguments: blob() }),
        hex(&FromWorker::Parked { cell: 1, copy: Parking::Kept { micros: 300, threads: 1 } }),
        hex(&FromWorker::Parked { cell: 1, copy: Parking::Skipped { why: "w".into() } }),
        hex(&FromWorker::Resumed { cell: 1 }),
        hex(&FromWorker::Abandon { id: 7 }),
        hex(&ToZygote::Spawn(SessionSpec { plan: vec![1, 2].into(), checkpoints })),
        hex(&FromZygote::Ready { version: 1, python }),
        hex(&FromZygote::Warmed { imported: vec!["i".into()], refused: vec![("n".into(), "w".into())] }),
        hex(&FromZygote::Failed { reason: "r".into() }),
        hex(&ToSupervisor::Interrupt { since_ticks: 9 }),
        hex(&ToSupervisor::Sweep { since_ticks: 9 }),
        hex(&ToSupervisor::RollBack { cell: 1 }),
        hex(&ToSupervisor::Allow { cpu_ms: 1000 }),
        hex(&ToSupervisor::Conceive { cell: 1 }),
        hex(&ToSupervisor::Spare),
        hex(&ToSupervisor::Yield),
        hex(&ToZygote::Twins(TwinsSpec {
            session: SessionSpec { plan: vec![1, 2].into(), checkpoints },
            mother: 3,
            cell: 1,
            count: 2,
        })),
        hex(&FromMidwife::Done { lost: vec!["l".into()] }),
        hex(&FromMidwife::Failed { step: "s".into(), reason: "r".into() }),
        hex(&FromSupervisor::Expecting { mother: 3 }),
        hex(&FromSupervisor::NotAlone { why: "w".into() }),
        hex(&FromSupervisor::Yielded),
        hex(&FromSupervisor::Twin { proofs: vec![Proof { name: "n".into(), evidence: "e".into() }] }),
        hex(&ToSupervisor::Quit),
        hex(&FromLive::Parked { pid: 5, cell: 1 }),
        hex(&FromSupervisor::Failed { step: "s".into(), reason: "r".into() }),
        hex(&FromSupervisor::Listening),
        hex(&FromSupervisor::Interrupted),
        hex(&FromSupervisor::Swept { killed: 3 }),
        hex(&FromSupervisor::RolledBack { cell: 1 }),
        hex(&FromSupervisor::NoCopy),
        hex(&FromSupervisor::OverMemory),
        hex(&FromSupervisor::OverCpuTime),
        hex(&FromSupervisor::Dropped { cell: 1 }),
        hex(&FromSupervisor::Exited(crate::ExitStatus::Signal(9))),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

//! Whatever decodes as a message is bounded and comes back equal; whatever does not is an error and nothing worse.

#![no_main]

use std::fmt::Debug;

use actwright_protocol::{
    FromLive, FromMidwife, FromSupervisor, FromWorker, FromZygote, ToSupervisor, ToWorker, ToZygote, Value, decode,
    encode_datagram,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 9 {
        0 => round::<FromWorker>(bytes),
        1 => round::<ToWorker>(bytes),
        2 => round::<FromSupervisor>(bytes),
        3 => round::<ToSupervisor>(bytes),
        4 => round::<FromZygote>(bytes),
        5 => round::<ToZygote>(bytes),
        6 => round::<FromLive>(bytes),
        7 => round::<FromMidwife>(bytes),
        _ => round::<Value>(bytes),
    }
});

/// By its own bytes, because a float that is no number is not equal to itself.
fn round<T: serde::Serialize + serde::de::DeserializeOwned + Debug>(bytes: &[u8]) {
    let Ok(message) = decode::<T>(bytes) else { return };
    let Ok(once) = encode_datagram(&message) else { return };
    let Ok(again) = decode::<T>(&once) else { panic!("what was encoded does not decode: {message:?}") };
    let twice = encode_datagram(&again).map_err(|error| error.to_string());
    assert_eq!(Ok(once), twice);
}

//! What the integration tests share.

mod client;

pub use client::{Client, Era, Wire, meta_2026};

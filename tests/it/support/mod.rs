//! What the integration tests share.

pub mod api;
mod client;
pub mod dice;
pub mod pandas;
pub mod processes;
pub mod web;

pub use client::{Client, Era, Wire, meta_2026, raised, report, said, text, value};

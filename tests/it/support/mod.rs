//! What tests stand on: servers and browsers of their own, which end with the test process.
//!
//! `tests/it` has this as its module; `tests/attacks` takes it in by path.

// Each test crate uses its own part of this.
#![allow(dead_code)]

pub mod browser;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod redis;

//! Integration tests: one file for each family of rules, against the running server.

mod support;
mod support_selftest;

//! Faults: the program as an operator runs it, with people at work, while something breaks. Each test
//! says in its name which fault it is; a witness compares what was answered with what is stored.
//!
//! What the tests measure they print as `measured: …`; with `FAULTS_REPORT=FILE` they write it there
//! too.

#[path = "../it/support/mod.rs"]
mod support;

mod administrator;
mod balancer;
mod bloat;
mod cluster;
mod disk;
mod failover;
mod faketime;
mod file_system;
mod instances;
mod limits;
mod load;
mod memory;
mod migration;
mod netns;
mod people;
mod postgres;
mod power_cut;
mod process_death;
mod redis_faults;
mod report;
mod soak;
mod sqlite;
mod stage;
mod stopping;
mod tcp_proxy;
mod time;
mod verifier;
mod witness;
mod witness_facts;
mod witness_tests;

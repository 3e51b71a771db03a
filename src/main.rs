//! The `countersign` command.

use std::process::ExitCode;

/// Gives memory back sooner than the allocator of the system, and allocates faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    countersign::cli::main()
}

//! The example of two services behind nginx, as it is run, and as its times are promised.

use crate::packages;
use std::path::{Path, PathBuf};
use std::process::Command;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/landscape");
const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");
/// After so many seconds it is told to end, with all that it started.
const PATIENCE: &str = "150";

/// The service in Rust, which lies beside the program. A run of this group alone does not build it.
fn orders_api() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet", "--example", "orders_api"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo is there");
    assert!(built.status.success(), "{}", packages::told(&built));
    Path::new(COUNTERSIGN).with_file_name("examples").join("orders_api")
}

#[tokio::test]
async fn r_02_a_block_reaches_two_services_within_a_second_with_redis_or_provider_away() {
    let ended = tokio::task::spawn_blocking(|| {
        let home = packages::landscape(Path::new(EXAMPLE));
        Command::new("timeout")
            .args(["--kill-after=5", PATIENCE, "node"])
            .arg(home.join("landscape.mjs"))
            .env("COUNTERSIGN", COUNTERSIGN)
            .env("ORDERS_API", orders_api())
            .env("NO_PROXY", "127.0.0.1,localhost")
            .output()
            .expect("timeout is of coreutils")
    });
    let ended = ended.await.expect("it ends");
    let said = packages::told(&ended);
    assert!(ended.status.success(), "{said}");
    for line in ["blocked in the admin page", "blocked, Redis stopped", "The provider is away"] {
        assert!(said.contains(line), "{line:?} is missing:\n{said}");
    }
}

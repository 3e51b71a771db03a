//! Programs from PyPI that read what others will read: Traefik itself, and the schemas of Kubernetes.

#[allow(dead_code, reason = "this crate uses its own part of it")]
#[path = "../clients/packages.rs"]
mod installed;

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub use installed::told;

/// One of the programs; `python` is among them.
pub fn program(name: &str) -> PathBuf {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deploy/python");
    installed::programs("deploy", &list).join(name)
}

/// Every document of a YAML text.
pub fn yaml(text: &str) -> Vec<Value> {
    const READ: &str =
        "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))";
    let mut python = Command::new(program("python"));
    python.args(["-c", READ]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().expect("it is installed");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "not YAML:\n{text}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

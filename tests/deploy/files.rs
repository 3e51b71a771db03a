//! The files in `deploy` say what the program understands, and what those who read them understand.

use crate::packages::{program, told, yaml};
use crate::support::command;
use serde_json::Value;
use std::process::Command;
use tempfile::TempDir;

const SERVICE: &str = include_str!("../../deploy/countersign.service");
const COMPOSE: &str = include_str!("../../deploy/compose.yaml");
const KUBERNETES: &str = include_str!("../../deploy/kubernetes.yaml");
const NGINX: &str = include_str!("../../deploy/nginx.conf");
const DOCKERFILE: &str = include_str!("../../deploy/Dockerfile");
const IMAGE: &str = concat!("countersign:", env!("CARGO_PKG_VERSION"));
/// How long the program itself takes to stop at most, after the drain.
const LAST_REQUESTS: u64 = 10;

/// Settings as a file says them, with secrets where the test can have them.
struct Settings {
    pairs: Vec<(String, String)>,
    _directory: TempDir,
}

impl Settings {
    fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let real = |(name, value): (String, String)| {
            let secret = match name.as_str() {
                "COUNTERSIGN_MASTER_KEY_FILE" => "07".repeat(32),
                "COUNTERSIGN_DATABASE_URL_FILE" => "postgres://a:b@c/d".to_owned(),
                "COUNTERSIGN_REDIS_URL_FILE" => "rediss://a:b@c".to_owned(),
                _ => return (name, value),
            };
            let file = directory.path().join(&name);
            std::fs::write(&file, secret).expect("it is written");
            (name, file.display().to_string())
        };
        let pairs = pairs.into_iter().map(real).collect();
        Self { pairs, _directory: directory }
    }

    fn get(&self, name: &str) -> &str {
        let found = self.pairs.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    async fn check(&self, more: &[(&str, &str)]) -> command::Ran {
        let own = self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let variables: Vec<_> = own.chain(more.iter().copied()).collect();
        command::run(&variables, &["config", "check", "--offline"]).await
    }

    /// The program knows each name, and takes each value.
    async fn expect_understood(&self) {
        assert!(self.pairs.len() >= 2, "{:?}", self.pairs);
        let ran = self.check(&[]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let misspelt = self.check(&[("COUNTERSIGN_REDIS_ULR", "redis://cache")]).await;
        assert_eq!(misspelt.code, 2, "it is no check: {misspelt:?}");
    }
}

fn pairs(object: &Value) -> Vec<(String, String)> {
    let object = object.as_object().expect("an object");
    let text = |value: &Value| value.as_str().expect("every value is text").to_owned();
    object.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("it ends")
}

fn compose() -> Value {
    yaml(COMPOSE).remove(0)
}

/// The document of a kind.
fn of_kind(documents: &[Value], kind: &str) -> Value {
    let mut found = documents.iter().filter(|one| one["kind"] == kind);
    let first = found.next().unwrap_or_else(|| panic!("there is no {kind}")).clone();
    assert!(found.next().is_none(), "there is one {kind}");
    first
}

#[tokio::test]
async fn the_compose_file_has_settings_that_the_program_knows() {
    let compose = blocking(compose).await;
    for name in ["countersign-a", "countersign-b"] {
        let mut settings = pairs(&compose["services"][name]["environment"]);
        for (_, value) in &mut settings {
            if value.starts_with("${ISSUER:?") {
                *value = "https://login.example.com".into();
            }
            assert!(!value.contains("${"), "{value} is not known to the test");
        }
        let settings = Settings::of(settings);
        settings.expect_understood().await;
        assert!(!settings.get("COUNTERSIGN_REDIS_URL").is_empty());
    }
}

#[tokio::test]
async fn the_compose_file_holds_together() {
    let compose = blocking(compose).await;
    let services = compose["services"].as_object().expect("services");
    for (name, service) in services {
        let listed = |key: &str| service[key].as_array().cloned().unwrap_or_default();
        for secret in listed("secrets") {
            let secret = secret.as_str().expect("a name");
            assert!(compose["secrets"][secret]["file"].is_string(), "{name}: {secret}");
        }
        let needed = match &service["depends_on"] {
            Value::Object(object) => object.keys().cloned().collect(),
            Value::Array(names) => pairs_of_names(names),
            _ => Vec::new(),
        };
        for other in needed {
            let other = services.get(&other).unwrap_or_else(|| panic!("{name}: no {other}"));
            let asked = service["depends_on"].is_object();
            assert!(!asked || other["healthcheck"]["test"].is_array(), "{name}: {other}");
        }
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            if variable.ends_with("_FILE") {
                let secret = value.as_str().and_then(|path| path.strip_prefix("/run/secrets/"));
                let secret = Value::from(secret.expect("secrets are mounted there"));
                assert!(listed("secrets").contains(&secret), "{name}: {variable}");
            }
        }
    }
    let redis = services["redis"]["command"].to_string();
    assert!(redis.contains("noeviction"), "{redis}");
    // nginx asks each of them, where it listens, by an address that stays.
    for name in ["countersign-a", "countersign-b"] {
        let service = &services[name];
        let listen = service["environment"]["COUNTERSIGN_LISTEN"].as_str().expect("it is said");
        let port = listen.rsplit(':').next().expect("a port");
        assert!(NGINX.contains(&format!("server {name}:{port} ")), "{name}:{port}");
        let address = service["networks"]["default"]["ipv4_address"].as_str();
        let trusted = service["environment"]["COUNTERSIGN_TRUSTED_PROXIES"].as_str();
        let network = trusted.and_then(|net| net.strip_suffix("0/24")).expect("a network");
        assert!(address.expect("a fixed one").starts_with(network), "{address:?} {network}");
        assert_eq!(service["image"], IMAGE);
    }
}

fn pairs_of_names(names: &[Value]) -> Vec<String> {
    names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn the_manifest_has_settings_that_the_program_knows() {
    let documents = blocking(|| yaml(KUBERNETES)).await;
    let settings = Settings::of(pairs(&of_kind(&documents, "ConfigMap")["data"]));
    settings.expect_understood().await;
}

#[tokio::test]
async fn the_manifest_is_what_kubernetes_takes() {
    let ran = blocking(|| {
        let mut validate = Command::new(program("kubernetes-validate"));
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kubernetes.yaml");
        validate.args(["--strict", file]).output().expect("it is installed")
    })
    .await;
    assert!(ran.status.success(), "{}", told(&ran));
    assert_eq!(told(&ran).matches(" passed ").count(), 5, "{}", told(&ran));
}

#[tokio::test]
async fn the_manifest_holds_together() {
    let documents = blocking(|| yaml(KUBERNETES)).await;
    let data = of_kind(&documents, "ConfigMap")["data"].clone();
    let deployment = of_kind(&documents, "Deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["image"], IMAGE);
    assert!(deployment["spec"]["replicas"].as_u64() >= Some(2));
    assert_eq!(deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 0);

    let drain: u64 = data["COUNTERSIGN_SERVER__DRAIN_SECONDS"].as_str().unwrap().parse().unwrap();
    let grace = pod["terminationGracePeriodSeconds"].as_u64().expect("it is said");
    assert!(grace > drain + LAST_REQUESTS, "killed before it has stopped");
    // Out of the way of requests before it lets nobody in any more.
    let probe = &container["readinessProbe"];
    let noticed =
        probe["periodSeconds"].as_u64().unwrap() * probe["failureThreshold"].as_u64().unwrap();
    assert!(noticed < drain, "it is noticed after {noticed} s");

    for (probe, path) in
        [("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")]
    {
        assert_eq!(container[probe]["httpGet"]["path"], path, "{probe}");
        assert_eq!(container[probe]["httpGet"]["port"], "http", "{probe}");
    }
    for (name, variable) in
        [("http", "COUNTERSIGN_LISTEN"), ("metrics", "COUNTERSIGN_METRICS_LISTEN")]
    {
        let ports = container["ports"].as_array().expect("ports");
        let port = ports.iter().find(|port| port["name"] == name).expect("it is named");
        let listen = data[variable].as_str().expect("it is set");
        assert!(listen.ends_with(&format!(":{}", port["containerPort"])), "{listen}");
    }
    let mount = container["volumeMounts"][0]["mountPath"].as_str().expect("a path");
    for (name, value) in pairs(&data).iter().filter(|(name, _)| name.ends_with("_FILE")) {
        let file = value.strip_prefix(&format!("{mount}/")).unwrap_or_else(|| panic!("{name}"));
        assert!(KUBERNETES.contains(&format!("--from-literal={file}=")), "{name}: {file}");
    }
    let service = of_kind(&documents, "Service");
    assert_eq!(service["spec"]["sessionAffinity"], "None");
    assert_eq!(service["spec"]["selector"], deployment["spec"]["selector"]["matchLabels"]);
    assert_eq!(deployment["spec"]["template"]["metadata"]["labels"], service["spec"]["selector"]);
    let host = &of_kind(&documents, "Ingress")["spec"]["rules"][0]["host"];
    assert_eq!(data["COUNTERSIGN_ISSUER"], format!("https://{}", host.as_str().unwrap()));
}

#[tokio::test]
async fn the_unit_has_settings_that_the_program_knows() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("countersign.toml");
    std::fs::write(&file, "issuer = \"https://login.example.com\"\n").expect("it is written");
    let lines = SERVICE.lines().map(|line| line.trim_start_matches("# "));
    let pairs = lines.filter_map(|line| line.strip_prefix("Environment=")?.split_once('='));
    let settings = Settings::of(pairs.map(|(name, value)| match name {
        "COUNTERSIGN_CONFIG" => (name.to_owned(), file.display().to_string()),
        _ => (name.to_owned(), value.to_owned()),
    }));
    settings.expect_understood().await;
}

#[tokio::test]
async fn the_unit_is_what_systemd_takes() {
    let directory = tempfile::tempdir().expect("a directory");
    let unit = directory.path().join("countersign.service");
    let here = SERVICE.replace("/usr/local/bin/countersign", env!("CARGO_BIN_EXE_countersign"));
    std::fs::write(&unit, &here).expect("it is written");
    let verify = |unit: std::path::PathBuf| {
        let mut analyze = Command::new("systemd-analyze");
        analyze.args(["verify", "--man=no"]).arg(unit).output().expect("systemd is installed")
    };
    let (good, bad) = (unit.clone(), directory.path().join("other.service"));
    let ran = blocking(move || verify(good)).await;
    assert!(ran.status.success() && told(&ran).trim().is_empty(), "{}", told(&ran));
    std::fs::write(&bad, here.replace("ProtectHome=yes", "ProtectHouse=yes")).expect("written");
    let ran = blocking(move || verify(bad)).await;
    assert!(told(&ran).contains("ProtectHouse"), "it is no check: {}", told(&ran));
    assert!(SERVICE.contains("\nRestartPreventExitStatus=2 75 78\n"));
}

#[test]
fn the_image_starts_what_is_built() {
    assert!(DOCKERFILE.contains(&format!("-t {IMAGE} ")));
    let version = env!("CARGO_PKG_RUST_VERSION");
    assert!(DOCKERFILE.contains(&format!("FROM rust:{version}-")), "{version}");
    assert!(DOCKERFILE.contains("CMD [\"serve\"]"));
}

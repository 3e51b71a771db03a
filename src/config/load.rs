//! Reading the settings: flag before variable before file before default.
//!
//! Nothing is skipped silently: an unknown key or variable, a value of another kind and a rule that
//! is broken are all told, and together.

use super::layers::{
    PREFIX, SECRETS, defaults, flatten, key_of, nearest, typed, unflatten, variable, widen,
};
use super::{Config, check};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file that is read when none is named, if it is there.
const DEFAULT_FILE: &str = "countersign.toml";
/// The variable that names the file.
const CONFIG_VARIABLE: &str = "COUNTERSIGN_CONFIG";

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Default,
    File,
    Env,
    Flag,
}

impl Source {
    /// Whether somebody set the value.
    pub const fn is_set(self) -> bool {
        !matches!(self, Self::Default)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Env => "env",
            Self::Flag => "flag",
        })
    }
}

/// What the settings are made from.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// The file that a flag names.
    pub file: Option<PathBuf>,
    /// All variables of the process; only ours are looked at.
    pub environment: Vec<(OsString, OsString)>,
    /// Dotted keys with their values.
    pub flags: Vec<(String, String)>,
    /// For a command that only opens the database: what just a server needs may be missing.
    pub database_only: bool,
}

/// A setting as it is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Dotted, as in `tokens.access_token`.
    pub key: String,
    pub value: Value,
    pub source: Source,
}

/// Something that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What it is about: a key, a variable or a file.
    pub about: String,
    pub says: String,
}

impl Problem {
    pub(super) fn new(about: impl Into<String>, says: impl Into<String>) -> Self {
        Self { about: about.into(), says: says.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about, self.says)
    }
}

/// The settings cannot be used; everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<Problem>);

/// Settings and where each came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    pub settings: Vec<Setting>,
}

/// Reads the settings.
///
/// # Errors
///
/// All problems at once.
pub fn load(input: &Input) -> Result<Loaded, ConfigError> {
    let mut layers = Layers::new();
    let (file, environment) = layers.our_variables(input);
    if let Some((path, is_named)) = file {
        layers.read_file(&path, is_named);
    }
    layers.read_environment(&environment);
    layers.read_flags(&input.flags);
    layers.follow_listen();
    layers.finish(input.database_only)
}

struct Layers {
    defaults: BTreeMap<String, Value>,
    set: BTreeMap<String, (Value, Source)>,
    problems: Vec<Problem>,
    /// Keys of which something is wrong already: what follows from that is not said as well.
    wrong: BTreeSet<String>,
}

impl Layers {
    fn new() -> Self {
        Self {
            defaults: defaults(),
            set: BTreeMap::new(),
            problems: Vec::new(),
            wrong: BTreeSet::new(),
        }
    }

    fn problem(&mut self, about: &str, says: impl Into<String>) {
        self.problems.push(Problem::new(about, says));
    }

    /// Our variables that have a value, and the file to read, with whether somebody named it.
    #[expect(clippy::type_complexity, reason = "two lists that are taken apart at once")]
    fn our_variables(&mut self, input: &Input) -> (Option<(PathBuf, bool)>, Vec<(String, String)>) {
        let mut ours = Vec::new();
        for (name, value) in &input.environment {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            match value.to_str() {
                Some(value) if !value.is_empty() => ours.push((name.to_owned(), value.to_owned())),
                Some(_) => {}
                None => self.problem(name, "the value is not UTF-8"),
            }
        }
        ours.sort();
        let named = ours.iter().position(|(name, _)| name == CONFIG_VARIABLE);
        let by_variable = named.map(|index| PathBuf::from(ours.remove(index).1));
        let file = match input.file.clone().or(by_variable) {
            Some(path) => Some((path, true)),
            None => Some((PathBuf::from(DEFAULT_FILE), false)),
        };
        (file, ours)
    }

    fn read_file(&mut self, path: &Path, is_named: bool) {
        let shown = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => return,
            Err(error) => return self.problem(&shown, format!("cannot be read: {error}")),
        };
        let tree: Value = match toml::from_str(&text) {
            Ok(tree) => tree,
            Err(error) => return self.problem(&shown, not_toml(&text, &error)),
        };
        let mut leaves = BTreeMap::new();
        flatten("", &tree, &mut leaves);
        for (key, value) in leaves {
            // An empty section says nothing.
            if key.is_empty() {
                continue;
            }
            match (self.defaults.contains_key(&key), secret_of_file_key(&key)) {
                (true, _) => drop(self.set.insert(key, (widen(value), Source::File))),
                (false, Some(secret)) => {
                    let named = value.as_str().unwrap_or_default().to_owned();
                    self.read_secret(secret, &named, &key, Source::File);
                }
                (false, None) => self.unknown_key(&shown, &key),
            }
        }
    }

    fn unknown_key(&mut self, about: &str, key: &str) {
        let meant = nearest(key, self.defaults.keys().map(String::as_str));
        let hint = meant.map(|key| format!("; did you mean {key}?")).unwrap_or_default();
        self.problem(about, format!("unknown key {key}{hint}"));
    }

    fn read_environment(&mut self, variables: &[(String, String)]) {
        let mut seen = BTreeMap::<String, &str>::new();
        for (name, value) in variables {
            let (key, is_file) = match self.key_of_variable(name) {
                Some(found) => found,
                None => {
                    self.unknown_variable(name);
                    continue;
                }
            };
            if let Some(other) = seen.insert(key.clone(), name) {
                self.problem(name, format!("{other} says the same; give one of them"));
                continue;
            }
            match is_file {
                true => self.read_secret(&key, value, name, Source::Env),
                false => self.take(&key, value, name, Source::Env),
            }
        }
    }

    /// The key that a variable sets, and whether its value is the name of a file.
    fn key_of_variable(&self, name: &str) -> Option<(String, bool)> {
        if let Some(key) = key_of(name, self.defaults.keys()) {
            return Some((key.clone(), false));
        }
        let stem = name.strip_suffix("_FILE")?;
        let key = key_of(stem, self.defaults.keys())?;
        SECRETS.contains(&key.as_str()).then(|| (key.clone(), true))
    }

    fn unknown_variable(&mut self, name: &str) {
        let mut known: Vec<String> = self.defaults.keys().map(|key| variable(key)).collect();
        known.extend(SECRETS.map(|key| format!("{}_FILE", variable(key))));
        known.push(CONFIG_VARIABLE.to_owned());
        let meant = nearest(name, known.iter().map(String::as_str));
        let hint = meant.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
        self.problem(name, format!("unknown variable{hint}"));
    }

    fn read_flags(&mut self, flags: &[(String, String)]) {
        for (key, value) in flags {
            match (self.defaults.contains_key(key), secret_of_file_key(key)) {
                (true, _) => self.take(key, value, key, Source::Flag),
                (false, Some(secret)) => self.read_secret(secret, value, key, Source::Flag),
                (false, None) => self.unknown_key("--set", key),
            }
        }
    }

    /// Whoever moves the server to another port of this machine is found there, unless another issuer
    /// was named.
    fn follow_listen(&mut self) {
        let set = |key: &str| self.set.get(key).map(|(value, _)| value);
        let listen = set("listen").and_then(Value::as_str).unwrap_or_default();
        let address = listen.parse().ok().filter(|address: &SocketAddr| address.ip().is_loopback());
        let (None, Some(address)) = (set("issuer"), address) else { return };
        let scheme = if set("tls_cert").is_some() { "https" } else { "http" };
        let issuer = Value::from(format!("{scheme}://localhost:{}", address.port()));
        self.set.insert("issuer".into(), (issuer, Source::Default));
    }

    fn take(&mut self, key: &str, text: &str, about: &str, source: Source) {
        match typed(text, &self.defaults[key]) {
            Ok(value) => drop(self.set.insert(key.to_owned(), (widen(value), source))),
            Err(rule) => {
                self.wrong.insert(key.to_owned());
                self.problem(about, rule);
            }
        }
    }

    fn read_secret(&mut self, key: &str, path: &str, about: &str, source: Source) {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let value = Value::from(text.trim());
                self.set.insert(key.to_owned(), (value, source));
            }
            // What is no name of a file may be the secret itself.
            Err(error) => {
                self.wrong.insert(key.to_owned());
                self.problem(about, format!("the file that it names cannot be read: {error}"));
            }
        }
    }

    fn finish(mut self, database_only: bool) -> Result<Loaded, ConfigError> {
        let mut values = self.defaults.clone();
        for (key, (value, _)) in &self.set {
            let mut tree = self.defaults.clone();
            tree.insert(key.clone(), value.clone());
            match serde_json::from_value::<Config>(unflatten(&tree)) {
                Ok(_) => drop(values.insert(key.clone(), value.clone())),
                Err(error) => {
                    self.wrong.insert(key.clone());
                    let is_secret = SECRETS.contains(&key.as_str());
                    let says = if is_secret { "must be text".into() } else { error.to_string() };
                    self.problems.push(Problem::new(key, says));
                }
            }
        }
        let config = serde_json::from_value::<Config>(unflatten(&values));
        let config = config
            .map_err(|error| ConfigError(vec![Problem::new("configuration", error.to_string())]))?;
        let matters = |problem: &Problem| {
            let is_server_only = check::SERVER_ONLY.contains(&problem.about.as_str());
            !(self.wrong.contains(&problem.about) || database_only && is_server_only)
        };
        self.problems.extend(check::problems(&config).into_iter().filter(matters));
        if !self.problems.is_empty() {
            return Err(ConfigError(self.problems));
        }
        let source =
            |key: &String| self.set.get(key).map_or(Source::Default, |(_, source)| *source);
        let settings = values.into_iter().map(|(key, value)| Setting {
            source: source(&key),
            value: masked(&key, value),
            key,
        });
        Ok(Loaded { settings: settings.collect(), config })
    }
}

/// What is wrong and where. The line is not quoted, because it may hold a secret.
fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("is not TOML: line {line}, column {column}: {}", error.message())
}

/// `master_key` for `master_key_file`.
fn secret_of_file_key(key: &str) -> Option<&'static str> {
    let stem = key.strip_suffix("_file")?;
    SECRETS.into_iter().find(|secret| *secret == stem)
}

/// A value as it may be shown.
fn masked(key: &str, value: Value) -> Value {
    let Some(text) = value.as_str().filter(|_| SECRETS.contains(&key)) else { return value };
    if key == "master_key" {
        return Value::from("********");
    }
    let Ok(mut url) = url::Url::parse(text) else {
        // What cannot be taken apart is shown only where there is nothing to hide.
        let shown = if text.starts_with("sqlite://") { text } else { "********" };
        return Value::from(shown);
    };
    let in_query = url.query_pairs().any(|(name, _)| name.to_ascii_lowercase().contains("pass"));
    if in_query {
        url.set_query(Some("********"));
    }
    let in_authority = url.password().is_some();
    if in_authority && url.set_password(Some("********")).is_err() {
        return Value::from("********");
    }
    if in_query || in_authority { Value::from(url.to_string()) } else { value }
}

#[cfg(test)]
mod tests;

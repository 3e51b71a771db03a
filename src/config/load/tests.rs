//! The order of the layers, and what is told when one of them is wrong.

use super::*;
use std::io::Write;

fn env(pairs: &[(&str, &str)]) -> Input {
    let environment = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Input { environment: environment.collect(), ..Input::default() }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn problems(input: &Input) -> Vec<String> {
    load(input).unwrap_err().0.iter().map(Problem::to_string).collect()
}

fn source_of(loaded: &Loaded, key: &str) -> Source {
    loaded.settings.iter().find(|setting| setting.key == key).unwrap().source
}

#[test]
fn a_flag_goes_before_a_variable_before_the_file_before_the_default() {
    let file = file(
        "support_contact = 'file'\nissuer = 'https://file.example'\n[tokens]\nid_token = 60\n",
    );
    let mut input = env(&[
        ("COUNTERSIGN_SUPPORT_CONTACT", "env"),
        ("COUNTERSIGN_ISSUER", "https://env.example"),
        ("PATH", "/bin"),
    ]);
    input.file = Some(file.path().to_owned());
    input.flags = vec![("issuer".into(), "https://flag.example".into())];
    let loaded = load(&input).unwrap();
    assert_eq!(loaded.config.issuer, "https://flag.example");
    assert_eq!(loaded.config.support_contact, "env");
    assert_eq!(loaded.config.tokens.id_token.as_seconds(), 60);
    assert_eq!(source_of(&loaded, "issuer"), Source::Flag);
    assert_eq!(source_of(&loaded, "support_contact"), Source::Env);
    assert_eq!(source_of(&loaded, "tokens.id_token"), Source::File);
    assert_eq!(source_of(&loaded, "listen"), Source::Default);
}

#[test]
fn what_follows_from_a_problem_is_not_told_as_well() {
    let postgres = ("COUNTERSIGN_DATABASE_URL", "postgres://h/d");
    for wrong in [
        ("COUNTERSIGN_MASTER_KEY_FILE", "/nowhere"),
        ("COUNTERSIGN_MASTER_KEY", "short"),
        ("COUNTERSIGN_MASTER_KEY", "1234"),
    ] {
        let told = problems(&env(&[postgres, wrong]));
        assert_eq!(told.len(), 1, "{told:?}");
    }
    assert_eq!(problems(&env(&[postgres])).len(), 1);
}

#[test]
fn every_problem_is_told_at_once_and_by_name() {
    let file = file("isuer = 'x'\n[tokens]\nacess_token = 1\naccess_token = 'soon'\n");
    let mut input = env(&[
        ("COUNTERSIGN_ISSUR", "https://a.example"),
        ("COUNTERSIGN_LISTEN", "nowhere"),
        ("COUNTERSIGN_TOKENS__ID_TOKEN", "1h"),
    ]);
    input.file = Some(file.path().to_owned());
    let told = problems(&input).join("\n");
    for part in [
        "unknown key isuer; did you mean issuer?",
        "unknown key tokens.acess_token; did you mean tokens.access_token?",
        "COUNTERSIGN_ISSUR: unknown variable; did you mean COUNTERSIGN_ISSUER?",
        "listen: ",
        "tokens.access_token: ",
        "COUNTERSIGN_TOKENS__ID_TOKEN: must be a whole number",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
}

#[test]
fn a_secret_may_stand_in_a_file_and_is_never_shown() {
    let key = file(&format!("{}\n", "ab".repeat(32)));
    let loaded = load(&env(&[
        ("COUNTERSIGN_MASTER_KEY_FILE", key.path().to_str().unwrap()),
        ("COUNTERSIGN_DATABASE_URL", "postgres://app:hunter2@db.example/app"),
    ]));
    let loaded = loaded.unwrap();
    assert_eq!(loaded.config.master_key, Some("ab".repeat(32)));
    let shown = format!("{:?}", loaded.settings);
    assert!(!shown.contains("abab") && !shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("db.example"), "{shown}");
}

#[test]
fn two_variables_for_one_key_are_refused() {
    let both = env(&[
        ("COUNTERSIGN_OUTBOUND_ALLOW", "10.0.0.0/8"),
        ("COUNTERSIGN_OUTBOUND__ALLOW", "10.0.0.0/8"),
    ]);
    assert!(problems(&both)[0].contains("give one of them"));
}

#[test]
fn lists_are_separated_by_commas_and_may_hold_single_addresses() {
    let loaded = load(&env(&[
        ("COUNTERSIGN_TRUSTED_PROXIES", "10.0.0.0/8,192.0.2.7"),
        ("COUNTERSIGN_OUTBOUND_ALLOW", "::1"),
        ("COUNTERSIGN_REDIS_URL", ""),
    ]));
    let config = loaded.unwrap().config;
    assert_eq!(config.trusted_proxies[1].to_string(), "192.0.2.7/32");
    assert_eq!(config.outbound.allow[0].to_string(), "::1/128");
    assert_eq!(config.redis_url, None);
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let mut input = env(&[("COUNTERSIGN_CONFIG", "/nowhere/countersign.toml")]);
    assert!(problems(&input)[0].starts_with("/nowhere/countersign.toml: cannot be read"));
    input = Input::default();
    input.flags = vec![("colour".into(), "red".into())];
    assert_eq!(problems(&input), ["--set: unknown key colour"]);
}

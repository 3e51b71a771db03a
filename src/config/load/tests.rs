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
fn a_password_that_ends_early_is_a_problem_that_quotes_nothing() {
    let key = ("COUNTERSIGN_MASTER_KEY", "ab".repeat(32));
    for password in
        ["Tr0ub4%dor", "Tr0ub4 dor", "Tr0ub4%00dor", "Tr0ub4/dor", "12/Tr0ub4", "Tr0ub4@dor"]
    {
        let url = format!("postgres://app:{password}@db.example/app");
        let stored = file(&format!("{url}\n"));
        let path = stored.path().to_str().unwrap();
        for database_only in [false, true] {
            let pairs = [
                ("COUNTERSIGN_DATABASE_URL", url.as_str()),
                ("COUNTERSIGN_DATABASE_URL_FILE", path),
            ];
            for pair in pairs {
                let mut input = env(&[(key.0, &key.1), pair]);
                input.database_only = database_only;
                let told = problems(&input);
                assert_eq!(told.len(), 1, "{told:?}");
                assert!(told[0].starts_with("database_url: "), "{told:?}");
                assert!(told[0].contains("percent-encoded") || told[0].contains("%00"), "{told:?}");
                assert!(!told[0].contains("Tr0ub4") && !told[0].contains("dor"), "{told:?}");
            }
        }
    }
    let told =
        problems(&env(&[("COUNTERSIGN_REDIS_URL", "redis://app:12/Tr0ub4@cache.example/1")]));
    assert!(told[0].starts_with("redis_url: ") && !told[0].contains("Tr0ub4"), "{told:?}");
}

#[test]
fn a_list_of_words_in_the_place_of_a_url_is_not_quoted() {
    for text in ["host=db password=Tr0ub4 port=1", "password=a://Tr0ub4", "mysql://u:Tr0ub4@h/d"] {
        let told = problems(&env(&[("COUNTERSIGN_DATABASE_URL", text)]));
        assert!(told[0].starts_with("database_url: must be of the form"), "{told:?}");
        assert!(!told.join("").contains("Tr0ub4"), "{told:?}");
    }
}

#[test]
fn a_file_that_cannot_be_parsed_is_not_quoted() {
    for (text, place) in [
        ("issuer = 'x'\ndatabase_url = \"postgres://u:Tr0ub4\"dor@h/d\"\n", "line 2, column 37"),
        ("master_key = Tr0ub4\n", "line 1, column 14"),
        ("database_url = 'Tr0ub4\n", "line 1"),
    ] {
        let file = file(text);
        let told = problems(&Input { file: Some(file.path().to_owned()), ..Input::default() });
        assert!(told[0].contains("is not TOML: ") && told[0].contains(place), "{told:?}");
        assert!(!told.join("").contains("Tr0ub4"), "{told:?}");
    }
    let file = file("master_key = 48151623\ndatabase_url = [48151623]\n");
    let told = problems(&Input { file: Some(file.path().to_owned()), ..Input::default() });
    assert_eq!(told, ["database_url: must be text", "master_key: must be text"]);
}

#[test]
fn a_secret_in_the_place_of_the_name_of_its_file_is_not_quoted() {
    let url = "postgres://app:Tr0ub4@db.example/app";
    let told = problems(&env(&[("COUNTERSIGN_DATABASE_URL_FILE", url)]));
    assert!(told[0].starts_with("COUNTERSIGN_DATABASE_URL_FILE: the file"), "{told:?}");
    let flags = vec![("master_key_file".into(), "Tr0ub4".repeat(10))];
    let input = Input { flags, ..Input::default() };
    assert!(problems(&input)[0].starts_with("master_key_file: "));
    assert!(!format!("{told:?}{:?}", problems(&input)).contains("Tr0ub4"));
}

#[test]
fn a_password_among_the_options_of_a_url_is_masked() {
    let shown = |key: &str, url: &str| masked(key, Value::from(url)).to_string();
    for (key, url) in [
        ("redis_url", "unix:///run/redis.sock?db=1&pass=Tr0ub4"),
        ("redis_url", "redis+unix:///run/redis.sock?%70ass=Tr0ub4"),
        ("database_url", "postgres://h/d?PASSWORD=Tr0ub4"),
        ("database_url", "postgres://u:Tr0ub4@h1:1,h2:2/d"),
    ] {
        assert!(!shown(key, url).contains("Tr0ub4"), "{url}");
    }
    assert!(shown("database_url", "postgres://h/d?sslmode=disable").contains("sslmode=disable"));
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

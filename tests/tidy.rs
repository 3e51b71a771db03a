//! The shape of the source: floors, sizes, headers, and what must not be left in it.

#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/requirements.rs"]
mod requirements;
#[path = "tidy/routes.rs"]
mod routes;

use code::Source;
use countersign::http::edge::metrics::endpoint;
use countersign::verifier::forward_auth;
use std::path::{Path, PathBuf};

const LONGEST_FILE: usize = 500;
const LONGEST_FUNCTION: usize = 60;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` whose name ends with `ending`, build output apart.
fn walk(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(walk(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found
}

fn sources() -> Vec<Source> {
    let folders = ["src", "tests", "benches", "examples", "fuzz"];
    let files = folders.iter().flat_map(|folder| walk(&root().join(folder), ".rs"));
    files.map(|path| Source::read(root(), &path)).collect()
}

/// Runs one rule over the whole source.
fn demand(rule: impl Fn(&Source) -> Vec<String>) {
    let sources = sources();
    assert!(sources.len() > 10, "the source was not found");
    let found: Vec<String> = sources.iter().flat_map(rule).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

fn too_long(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let path = &source.path;
    let file = (lines > LONGEST_FILE).then(|| format!("{path}: {lines} lines"));
    let functions = source.functions().into_iter().filter(|f| f.2 > LONGEST_FUNCTION);
    let functions = functions.map(|(line, name, n)| format!("{path}:{line}: {name}: {n} lines"));
    file.into_iter().chain(functions).collect()
}

fn no_header(source: &Source) -> Vec<String> {
    let missing = !source.text.starts_with("//!");
    missing.then(|| format!("{}: no //! at the top", source.path)).into_iter().collect()
}

fn unfinished(source: &Source) -> Vec<String> {
    // Written apart, so that a search for such marks does not find this list.
    let marks = [concat!("to", "do!("), concat!("unimpl", "emented!("), concat!("#[ig", "nore")];
    let lines = source.lines().filter(|(_, line)| marks.iter().any(|mark| line.contains(mark)));
    lines.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())).collect()
}

fn unwrapped(source: &Source) -> Vec<String> {
    if !source.is_product() {
        return Vec::new();
    }
    let tests = source.test_lines();
    let lines = source.lines().filter(|(number, line)| {
        let whole = line.contains(".unwrap()") || line.contains(".unwrap_err()");
        whole && !tests[*number]
    });
    lines.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())).collect()
}

#[test]
fn every_use_goes_down() {
    demand(layers::forbidden_edges);
}

#[test]
fn files_and_functions_are_short() {
    demand(too_long);
}

#[test]
fn every_file_says_what_it_is() {
    demand(no_header);
}

#[test]
fn nothing_is_left_unfinished() {
    demand(unfinished);
}

#[test]
fn the_product_unwraps_nothing() {
    demand(unwrapped);
}

#[test]
fn pages_have_no_code_inside() {
    for path in walk(&root().join("templates"), ".html") {
        let page = std::fs::read_to_string(&path).expect("a template is UTF-8");
        let found = files::inline_code(&page);
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let found = files::uneven_migrations(&root().join("migrations"));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_route_is_counted_under_a_name_of_its_own() {
    let sources = sources();
    // What the verifier shows is of services.
    let ours = sources.iter().filter(|it| it.is_product() && !it.path.starts_with("src/verifier/"));
    let mut paths: Vec<String> = ours.flat_map(|it| routes::paths(&it.text)).collect();
    paths.push(forward_auth::PATH.to_owned());
    for known in ["/token", "/backchannel_authentication", "/revocations", "/admin", "/jwks"] {
        assert!(paths.iter().any(|path| path == known), "{known} was not found");
    }
    let nameless: Vec<_> = paths.iter().filter(|path| endpoint(path) == "other").collect();
    assert!(nameless.is_empty(), "{nameless:?}");
}

/// With `COUNTERSIGN_WRITE` set it writes the table instead.
#[test]
fn the_table_of_requirements_is_complete() {
    let rows = requirements::rows(&sources());
    assert!(rows.len() > 100, "the tests were not found");
    let path = root().join(requirements::TABLE);
    if std::env::var_os("COUNTERSIGN_WRITE").is_some() {
        std::fs::write(&path, requirements::table(&rows)).expect("the table can be written");
    }
    let text = std::fs::read_to_string(&path).expect("the table is there");
    let found = requirements::differences(&rows, &text);
    assert!(found.is_empty(), "run make requirements:\n{}", found.join("\n"));
}

#[test]
fn an_id_is_read_from_the_name_of_a_test() {
    let ids = |name| {
        let (ids, words) = requirements::read(name);
        (ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "), words)
    };
    for (name, expected, words) in [
        ("s19_a_proof_is_refused", "S19", "a proof is refused"),
        ("tk_12_a_code_is_for_one", "TK-12", "a code is for one"),
        ("jw_12_jw_13_weak_is_out", "JW-12 JW-13", "weak is out"),
        ("rfc_6750_a_challenge", "", "rfc 6750 a challenge"),
        ("a_code_dies", "", "a code dies"),
        ("p256_keys_are_read", "", "p256 keys are read"),
    ] {
        assert_eq!(ids(name), (expected.to_owned(), words.to_owned()));
    }
    let sources = [Source::new("tests/x.rs", "    async fn s19_a_proof_is_refused(server: T) {")];
    let rows = requirements::rows(&sources);
    let table = requirements::table(&rows);
    assert!(requirements::differences(&rows, &table).is_empty(), "{table}");
    assert_eq!(requirements::differences(&rows, "| --- |\n").len(), 1);
    let stale = format!("{table}| S20 | a proof that went | `tests/x.rs` |\n");
    assert_eq!(requirements::differences(&rows, &stale).len(), 1);
}

#[test]
fn the_checks_see_what_is_wrong() {
    let long = format!("//! x\nfn f() {{\n{}}}\n", "    let a = 1;\n".repeat(500));
    assert_eq!(too_long(&Source::new("src/x.rs", long)).len(), 2);
    assert_eq!(no_header(&Source::new("src/x.rs", "use a;\n//! late\n")).len(), 1);

    let marks = [
        concat!("to", "do!()"),
        concat!("unimpl", "emented!(\"later\")"),
        concat!("#[ig", "nore = \"slow\"]"),
    ];
    for mark in marks {
        assert_eq!(unfinished(&Source::new("tests/x.rs", mark)).len(), 1, "{mark}");
        assert!(unfinished(&Source::new("tests/x.rs", format!("// {mark}"))).is_empty());
    }

    let unwrap = "fn f() {\n    a.unwrap();\n}\n#[cfg(test)]\nmod tests {\n    b.unwrap();\n}\n";
    assert_eq!(unwrapped(&Source::new("src/x.rs", unwrap)).len(), 1);
    assert!(unwrapped(&Source::new("tests/x.rs", unwrap)).is_empty());
}

/// The places where a test can make the process die: their names are in a test build and in nothing
/// that is released, and no profile that is released has the assertions that bring them.
#[test]
fn a_release_has_no_failpoints() {
    let source = root().join("src/failpoint.rs");
    let directory = tempfile::tempdir().expect("a directory can be made");
    let built_with = |assertions: &str| {
        let out = directory.path().join(format!("{assertions}.o"));
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut command = std::process::Command::new(rustc);
        command.args(["--crate-type=lib", "--edition=2024", "--emit=obj", "-C"]);
        command.arg(format!("debug-assertions={assertions}"));
        let built = command.arg("-o").arg(&out).arg(&source).status().expect("rustc is there");
        assert!(built.success());
        let bytes = std::fs::read(out).expect("it was built");
        bytes.windows(9).any(|window| window == b"FAILPOINT")
    };
    assert!(built_with("on"));
    assert!(!built_with("off"));
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("it is there");
    assert!(!manifest.contains("debug-assertions"), "a profile turns failpoints on");
}

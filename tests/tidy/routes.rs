//! The paths that the source mounts.

/// What stands before the text of a path: a resource of actix, a shorthand for one, a scope, or a
/// constant that a resource is made with.
const BEFORE: [&str; 7] = [
    "web::resource(\"",
    "web::resource([\"",
    "(page(\"",
    "service(metadata(\"",
    "web::scope(\"",
    "PATH: &str = \"",
    "WELL_KNOWN: &str = \"",
];

/// The paths that a source mounts at the root of the server. What is mounted in a scope is counted
/// under the name of the scope.
pub fn paths(source: &str) -> Vec<String> {
    let texts = BEFORE.iter().flat_map(|mark| source.split(mark).skip(1));
    let path = |text: &str| text.split('"').next().map(str::to_owned);
    texts.filter_map(path).filter(|path| path.starts_with('/')).collect()
}

#[test]
fn a_path_is_found_however_it_is_mounted() {
    let source = r#"
        web::resource("/a/{id}").route(get().to(b));
        config.service(metadata("/.well-known/c"));
        let pages = web::scope("/d").service(resource("/below"));
        .service(page("/f").route(get().to(g)))
        pub const PATH: &str = "/e";
    "#;
    assert_eq!(paths(source), ["/a/{id}", "/f", "/.well-known/c", "/d", "/e"]);
}

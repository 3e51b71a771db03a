//! The pages of resources.

use super::super::Errors;
use super::super::admin::{NewResource, ResourcePage, ResourceRow, Resources};
use super::super::choice::Choice;
use super::super::problem::Problem;
use super::{Rendered, Sample, page};
use crate::http::page::Nav;
use askama::Template;

fn list(sample: Sample) -> Resources {
    let row = ResourceRow {
        name: sample.text("Orders"),
        href: sample.text("/admin/resources/r1"),
        identifier: sample.text("https://orders.example"),
        format: sample.text("JWT, signed"),
        scopes: sample.text("orders:read"),
    };
    let next = Some(sample.text("/admin/resources?after=1"));
    Resources { rows: vec![row], first: None, next, page: sample.inside(Nav::Resources) }
}

fn new(sample: Sample, errors: Errors) -> NewResource {
    NewResource {
        page: sample.inside(Nav::Resources),
        errors,
        identifier: sample.text("orders"),
        name: sample.text("Orders"),
        scopes: sample.text("orders:read = See your orders"),
    }
}

fn one(sample: Sample, new_secret: Option<String>) -> ResourcePage {
    let page = sample.inside(Nav::Resources);
    ResourcePage {
        base: sample.text("/admin/resources/r1"),
        title: sample.text("Orders"),
        identifier: sample.text("https://orders.example"),
        new_secret,
        has_secret: true,
        name: sample.text("Orders"),
        scopes: sample.text("orders:read = See your orders"),
        token_formats: Choice::token_formats(page.text, "jwe"),
        signed_algs: Choice::list(["ES256", "HS256"], &["HS256"]),
        encryption_algs: Choice::list(["ECDH-ES", "dir"], &["dir"]),
        encryption_encs: Choice::list(["A128GCM", "A256GCM"], &["A256GCM"]),
        authorization_details_types: sample.text("[]"),
        token_encryption_jwk: sample.text("{\"kty\":\"EC\"}"),
        jwks_uri: sample.text("https://orders.example/jwks"),
        token_lifetime: sample.text("300"),
        token_status_list: true,
        page,
        ..ResourcePage::default()
    }
}

pub fn pages(sample: Sample) -> Vec<Rendered> {
    let mut wrong = Errors::default();
    wrong.add("identifier", sample.page().text, Problem::IdentifierInvalid);
    wrong.add("scopes", sample.page().text, Problem::ScopeReserved);
    let none = Resources { rows: Vec::new(), ..list(sample) };
    let secret = Some(sample.text("cs_7f3kQd2"));
    vec![
        ("admin-resources", list(sample).render().expect("renders")),
        ("admin-resources-none", none.render().expect("renders")),
        ("admin-resource-new", new(sample, Errors::default()).render().expect("renders")),
        ("admin-resource-new-wrong", new(sample, wrong).render().expect("renders")),
        ("admin-resource", one(sample, None).render().expect("renders")),
        ("admin-resource-secret", one(sample, secret).render().expect("renders")),
    ]
}

#[test]
fn a_resource_page_has_all_its_settings() {
    let html = page("admin-resource");
    for part in [
        "<option value=\"jwe\" selected>",
        "<option value=\"HS256\" selected>",
        "<option value=\"dir\" selected>",
        "name=\"jwks_uri\"",
        "name=\"token_encryption_jwk\"",
        "name=\"token_lifetime\"",
        "id=\"secret-rotate\"",
        "id=\"resource-delete\"",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    assert!(!html.contains("cs_7f3kQd2"));
    assert!(page("admin-resource-secret").contains("cs_7f3kQd2"));
}

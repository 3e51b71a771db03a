//! The pages of trusted issuers, and the one that shows what tokens say.

use super::super::Errors;
use super::super::admin::{IssuerPage, IssuerRow, Issuers, PreviewPage, SampleView};
use super::super::choice::Choice;
use super::super::problem::Problem;
use super::{Rendered, Sample, page};
use crate::http::page::Nav;
use askama::Template;

fn list(sample: Sample) -> Issuers {
    let row = IssuerRow {
        name: sample.text("Partner"),
        href: sample.text("/admin/issuers/i1"),
        issuer: sample.text("https://partner.example"),
        clients: sample.text("import export"),
    };
    Issuers { rows: vec![row], page: sample.inside(Nav::Issuers) }
}

fn one(sample: Sample, is_new: bool, errors: Errors) -> IssuerPage {
    IssuerPage {
        version: "v1".into(),
        page: sample.inside(Nav::Issuers),
        errors,
        title: sample.text("Partner"),
        action: sample.text("/admin/issuers/i1"),
        is_new,
        name: sample.text("Partner"),
        issuer: sample.text("https://partner.example"),
        jwks_uri: sample.text("https://partner.example/jwks"),
        jwks: sample.text("{\"keys\":[]}"),
        clients: sample.text("import"),
        scope: sample.text("orders:read"),
        user_claim: sample.text("email"),
        named_by: Choice::list(["id", "username", "email"], &["email"]),
        subjects: vec![(sample.text("4711"), sample.text("ada@example.org"))],
        subject: sample.text("4712"),
        user: sample.text("grace"),
    }
}

fn preview(sample: Sample, is_large: bool) -> PreviewPage {
    let view = |id: &str, json| SampleView {
        id: id.to_owned(),
        title: sample.text("Access token"),
        json,
        size: sample.text("812 bytes"),
        is_large,
    };
    PreviewPage {
        page: sample.inside(Nav::Clients),
        client: sample.text("app"),
        resource: sample.text("https://orders.example"),
        user: sample.text("ada"),
        problem: is_large.then(|| sample.text("Nobody here has this name.")),
        samples: vec![
            view("preview-access-token", Some(sample.text("{ \"sub\": \"ada\" }"))),
            view("preview-id-token", None),
        ],
    }
}

pub fn pages(sample: Sample) -> Vec<Rendered> {
    let mut wrong = Errors::default();
    wrong.add("issuer", sample.page().text, Problem::IssuerOwn);
    wrong.add("jwks", sample.page().text, Problem::IssuerKeys);
    let none = Issuers { rows: Vec::new(), ..list(sample) };
    vec![
        ("admin-issuers", list(sample).render().expect("renders")),
        ("admin-issuers-none", none.render().expect("renders")),
        ("admin-issuer-new", one(sample, true, Errors::default()).render().expect("renders")),
        ("admin-issuer-new-wrong", one(sample, true, wrong).render().expect("renders")),
        ("admin-issuer", one(sample, false, Errors::default()).render().expect("renders")),
        ("admin-preview", preview(sample, false).render().expect("renders")),
        ("admin-preview-large", preview(sample, true).render().expect("renders")),
    ]
}

#[test]
fn an_issuer_that_is_there_keeps_its_name_and_shows_its_subjects() {
    let (new, there) = (page("admin-issuer-new"), page("admin-issuer"));
    assert!(new.contains("name=\"issuer\"") && !new.contains("id=\"subject-map\""));
    assert!(!there.contains("name=\"issuer\"") && there.contains("4711"));
    assert!(there.contains("id=\"issuer-delete\"") && there.contains("id=\"subject-unmap\""));
}

#[test]
fn a_long_token_comes_with_a_warning() {
    assert!(!page("admin-preview").contains("-large\""));
    assert!(page("admin-preview-large").contains("id=\"preview-access-token-large\""));
}

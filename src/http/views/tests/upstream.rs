//! The pages of providers at which people may sign in.

use super::super::admin::{UpstreamPage, UpstreamRow, Upstreams};
use super::super::choice::Choice;
use super::super::problem::Problem;
use super::super::{Badge, Errors};
use super::{Rendered, Sample, page};
use crate::http::page::Nav;
use askama::Template;

fn list(sample: Sample) -> Upstreams {
    let page = sample.inside(Nav::Upstreams);
    Upstreams {
        rows: vec![UpstreamRow {
            name: sample.text("Acme"),
            href: sample.text("/admin/upstreams/acme"),
            slug: sample.text("acme"),
            issuer: sample.text("https://id.acme.example"),
            status: Badge::client(page.text, false),
        }],
        page,
    }
}

fn one(sample: Sample, is_new: bool, errors: Errors) -> UpstreamPage {
    UpstreamPage {
        page: sample.inside(Nav::Upstreams),
        errors,
        title: (!is_new).then(|| sample.text("Acme")),
        base: sample.text("/admin/upstreams/acme"),
        callback: (!is_new).then(|| sample.text("https://id.example/login/upstream/acme/callback")),
        logout: (!is_new).then(|| sample.text("https://id.example/login/upstream/acme/out")),
        slug: sample.text("acme"),
        name: sample.text("Acme"),
        kinds: Choice::list(["oidc", "oauth2"], &["oidc"]),
        issuer: sample.text("https://id.acme.example"),
        client_id: sample.text("us"),
        has_secret: !is_new,
        scope: sample.text("openid email"),
        trust_email: true,
        ..UpstreamPage::default()
    }
}

pub(super) fn pages(sample: Sample) -> Vec<Rendered> {
    let mut wrong = Errors::default();
    wrong.add("slug", sample.page().text, Problem::SlugInvalid);
    wrong.add("allow_sign_up", sample.page().text, Problem::SignUpUntrusted);
    let none = Upstreams { rows: Vec::new(), ..list(sample) };
    vec![
        ("admin-upstreams", list(sample).render().expect("renders")),
        ("admin-upstreams-none", none.render().expect("renders")),
        ("admin-upstream-new", one(sample, true, wrong).render().expect("renders")),
        ("admin-upstream", one(sample, false, Errors::default()).render().expect("renders")),
    ]
}

#[test]
fn a_provider_page_says_what_to_register_there_and_shows_no_secret() {
    let html = page("admin-upstream");
    for part in [
        "id=\"callback\"",
        "name=\"client_secret\" type=\"password\"",
        "name=\"trust_email\" value=\"1\" checked",
        "id=\"upstream-delete\"",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    assert!(!html.contains("name=\"slug\""));
    assert!(page("admin-upstream-new").contains("name=\"slug\""));
}

//! The page about clients that register themselves.

use super::super::Errors;
use super::super::admin::{Registration, TokenRow};
use super::super::problem::Problem;
use super::{Rendered, Sample, page};
use crate::http::page::Nav;
use askama::Template;

fn shown(sample: Sample, new_token: Option<String>, errors: Errors) -> Registration {
    let row = TokenRow {
        label: sample.text("the build server"),
        left: sample.text("1 / 5"),
        made_by: sample.text("cli"),
        ends: sample.text("22 November 2026, 09:00"),
        revoke_url: sample.text("/admin/registration/t1/revoke"),
    };
    Registration {
        page: sample.inside(Nav::Registration),
        errors,
        mode: sample.text("Apps register themselves with an initial access token."),
        new_token,
        rows: vec![row],
        label: sample.text("partners"),
        uses: sample.text("5"),
        hours: sample.text("24"),
        once: "0123456789abcdef0123456789abcdef".into(),
    }
}

pub fn pages(sample: Sample) -> Vec<Rendered> {
    let mut wrong = Errors::default();
    wrong.add("uses", sample.page().text, Problem::UsesInvalid);
    wrong.add("hours", sample.page().text, Problem::HoursInvalid);
    let none = Registration { rows: Vec::new(), ..shown(sample, None, Errors::default()) };
    let token = Some(sample.text("iat_7f3kQd2"));
    vec![
        ("admin-registration", shown(sample, None, Errors::default()).render().expect("renders")),
        ("admin-registration-none", none.render().expect("renders")),
        (
            "admin-registration-made",
            shown(sample, token, Errors::default()).render().expect("renders"),
        ),
        ("admin-registration-wrong", shown(sample, None, wrong).render().expect("renders")),
    ]
}

#[test]
fn a_token_is_shown_only_when_it_was_just_made() {
    assert!(!page("admin-registration").contains("iat_7f3kQd2"));
    assert!(page("admin-registration-made").contains("iat_7f3kQd2"));
}

//! The pages of a person's own account, and the confirm pages.

use super::super::account::*;
use super::super::confirm::{Act, Confirm};
use super::super::problem::Problem;
use super::super::{Errors, Link, device};
use super::{Rendered, Sample, page};
use crate::http::page::{Nav, Notice, Page, Theme};
use crate::http::text::Language;
use askama::Template;

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0";

fn overview(sample: Sample) -> Overview {
    let page = sample.inside(Nav::Overview);
    let event = |action: &str| Event {
        what: event_words(&page, action),
        when: sample.text("3 March 2026, 09:14 UTC"),
        detail: sample.text("Firefox on Linux, 192.0.2.7"),
    };
    Overview {
        name: sample.text("Ada Lovelace"),
        waiting: Some(page.text.count("requests-waiting", 2)),
        checks: [
            Some(password_check(&page, false)),
            email_check(&page, true),
            email_check(&page, false),
            Some(devices_check(&page, 2)),
        ]
        .into_iter()
        .flatten()
        .collect(),
        events: vec![event("sign_in"), event("password.change"), event(&sample.text("x.y"))],
        page,
    }
}

fn profile(sample: Sample) -> Profile {
    Profile {
        page: Page {
            status: Some(Notice::ProfileSaved.words(sample.page().text)),
            ..sample.inside(Nav::Profile)
        },
        name: sample.text("Ada Lovelace"),
        given_name: sample.text("Ada"),
        family_name: sample.text("Lovelace"),
        email: sample.text("ada@example.org"),
        email_verified: true,
        language: Some(Language::German),
        theme: Some(Theme::Dark),
        ..Profile::default()
    }
}

fn change_password(sample: Sample, errors: Errors) -> ChangePassword {
    ChangePassword {
        page: sample.inside(Nav::Security),
        errors,
        username: sample.text("ada"),
        has_password: true,
        minimum: "8".into(),
    }
}

fn session(sample: Sample, current: bool) -> Session {
    Session {
        device: sample.text(&device::describe(sample.page().text, AGENT)),
        ip: sample.text("192.0.2.7"),
        signed_in: sample.text("3 March 2026"),
        last_seen: sample.text("just now"),
        current,
        end_url: sample.text("/account/devices/s1/end"),
    }
}

fn apps(sample: Sample) -> ConnectedApps {
    let app = ConnectedApp {
        name: sample.text("Acme Notes"),
        initials: "AN".into(),
        domain: sample.text("notes.acme.example"),
        access: vec![sample.text("See your name and picture"), sample.text("See your email")],
        since: sample.text("3 March 2026"),
        last_used: Some(sample.text("yesterday")),
        remove_url: sample.text("/account/apps/acme-notes/remove"),
        open_url: Some(sample.text("https://notes.acme.example/start?iss=x")),
    };
    ConnectedApps { page: sample.inside(Nav::Apps), apps: vec![app] }
}

fn confirm(sample: Sample, nav: Nav, act: Act<'_>) -> Confirm {
    let (action, cancel) = (sample.text("/account/act"), sample.text("/account"));
    let page = Confirm::new(sample.inside(nav), act, &action, &cancel);
    Confirm { fields: vec![(sample.text("id"), sample.text("1"))], ..page }
}

pub fn pages(sample: Sample) -> Vec<Rendered> {
    let text = sample.page().text;
    let mut wrong = Errors::default();
    wrong.add("password", text, Problem::PasswordWrong);
    wrong.add("new-password", text, Problem::PasswordTooShort(8));
    wrong.add("new-password-confirm", text, Problem::PasswordsDiffer);
    let security = |password_changed: Option<String>| Security {
        page: sample.inside(Nav::Security),
        password_changed,
        linked: vec![LinkedLine {
            name: sample.text("Acme"),
            label: sample.text("ada@example.org"),
            used: sample.text("2 days ago"),
            remove_url: sample.text("/account/linked/1/remove"),
        }],
        upstreams: vec![Link {
            label: sample.text("Other"),
            href: sample.text("/account/linked/new/other"),
        }],
    };
    let devices = Devices {
        page: sample.inside(Nav::Devices),
        sessions: vec![session(sample, true), session(sample, false)],
    };
    let name = sample.text("Ada Lovelace");
    let block = confirm(sample, Nav::Users, Act::BlockUser { name: &name });
    let remove = confirm(sample, Nav::Apps, Act::RemoveAccess { app: &name });
    let refused = block.clone().refused(&sample.text("why"), Problem::ReasonMissing);
    let change = |errors| change_password(sample, errors).render().expect("renders");
    vec![
        ("account-overview", overview(sample).render().expect("renders")),
        ("account-profile", profile(sample).render().expect("renders")),
        (
            "account-security",
            security(Some(sample.text("11 months ago"))).render().expect("renders"),
        ),
        ("account-password", change(Errors::default())),
        ("account-password-wrong", change(wrong)),
        ("account-devices", devices.render().expect("renders")),
        ("account-apps", apps(sample).render().expect("renders")),
        ("confirm-block", block.render().expect("renders")),
        ("confirm-refused", refused.render().expect("renders")),
        ("confirm-remove", remove.render().expect("renders")),
    ]
}

fn has_all(name: &str, parts: &[&str]) {
    let html = page(name);
    for part in parts {
        assert!(html.contains(part), "{part} is not in {html}");
    }
}

#[test]
fn the_account_pages_have_a_way_in_out_and_around() {
    let frame = [
        "<a class=\"skip\" href=\"#main\">",
        "<span class=\"badge info\">Account</span>",
        "<span class=\"small\">ada@example.org</span>",
        "<form method=\"post\" action=\"/logout\">",
        "href=\"/account/security\" aria-current=\"page\">Security</a>",
        "href=\"/account/devices\">Devices</a>",
    ];
    has_all("account-security", &frame);
    has_all("account-security", &["Last changed 11 months ago", "href=\"/account/password\""]);
}

#[test]
fn the_password_form_has_its_stable_names() {
    let names = [
        "name=\"username\" value=\"ada\" autocomplete=\"username\" hidden",
        "id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\"",
        "id=\"new-password\" name=\"new-password\" type=\"password\" autocomplete=\"new-password\"",
        "id=\"new-password-confirm\" name=\"new-password-confirm\"",
    ];
    has_all("account-password", &names);
    let errors = [
        "<title>Error: Change password",
        "<li><a href=\"#new-password\">Use at least 8 characters.</a></li>",
        "aria-invalid=\"true\" aria-describedby=\"password-error\"",
        "aria-describedby=\"new-password-error new-password-hint\"",
    ];
    has_all("account-password-wrong", &errors);
}

#[test]
fn a_device_can_be_signed_out_and_the_own_one_is_named() {
    let parts = ["Firefox on Linux", "This device", "/account/devices/s1/end", "end-others"];
    has_all("account-devices", &parts);
    let page = Page::default();
    let alone = Devices { page, sessions: vec![session_of_one()] }.render().expect("renders");
    assert!(!alone.contains("end-others"), "there is nobody else to sign out");
}

fn session_of_one() -> Session {
    session(Sample { language: Language::English, suffix: "" }, true)
}

#[test]
fn a_confirm_page_says_what_happens_and_asks_for_a_reason() {
    let parts = [
        "Block Ada Lovelace?",
        "Signs the person out of everything and revokes all tokens now.",
        "id=\"reason\" name=\"reason\"",
        "id=\"confirm-submit\"",
        "action=\"/account/act\"",
        "<span class=\"badge info\">Administration</span>",
    ];
    has_all("confirm-block", &parts);
    has_all("confirm-refused", &["value=\"why\"", "aria-describedby=\"reason-error reason-hint\""]);
    assert!(!page("confirm-remove").contains("name=\"reason\""));
    has_all("confirm-remove", &["Ada Lovelace loses access now and must ask again."]);
}

//! The pages between request and answer.

use super::super::difference::Difference;
use super::super::error::ErrorPage;
use super::super::home::{Home, Setup};
use super::super::interaction::*;
use super::super::problem::Problem;
use super::super::{App, Errors, Person};
use super::{Rendered, Sample, page};
use crate::http::page::{Nav, Page, Theme};
use actix_web::http::StatusCode;
use askama::Template;

fn app(sample: Sample) -> App {
    App::new(&sample.text("Acme Notes"), Some(sample.text("notes.acme.example")))
}

fn person(sample: Sample) -> Person {
    let name = sample.text("Ada Lovelace");
    Person::new(&sample.text("u1"), Some(&name), &sample.text("ada@example.org"))
}

fn login(sample: Sample) -> Login {
    Login {
        page: sample.page(),
        app: Some(app(sample)),
        txn: sample.text("sealed"),
        can_cancel: true,
        ..Login::default()
    }
}

fn failed(sample: Sample, message: LoginMessage) -> String {
    let username = sample.text("ada");
    let page = Login { username, remember: true, message: Some(message), ..login(sample) };
    page.render().expect("renders")
}

fn whole_login(sample: Sample) -> String {
    let page = Login {
        recover_url: Some(sample.text("/recover")),
        register_url: Some(sample.text("/sign-up")),
        privacy_url: Some(sample.text("https://acme.example/privacy")),
        terms_url: Some(sample.text("https://acme.example/terms")),
        passkey: true,
        message: Some(LoginMessage::Wrong),
        ..login(sample)
    };
    page.render().expect("renders")
}

fn consent(sample: Sample) -> Consent {
    let text = sample.page().text;
    let scopes = [
        ("profile", "Ada Lovelace"),
        ("email", "ada@example.org"),
        ("offline_access", ""),
        ("orders:write", ""),
    ];
    let line = |(scope, value): (&str, &str)| {
        let scope = if scope.contains(':') { sample.text(scope) } else { scope.to_owned() };
        ScopeLine::new(text, &scope, &sample.text(value))
    };
    let detail = DetailLine {
        sentence: sample.text("Pay 10.50 EUR to Ada"),
        rest: vec![(sample.text("actions"), sample.text("initiate"))],
    };
    Consent {
        details: vec![detail],
        page: sample.page(),
        app: app(sample),
        verified: Some(true),
        account: person(sample),
        txn: sample.text("sealed"),
        scopes: scopes.into_iter().filter_map(line).collect(),
        destination: sample.text("notes.acme.example"),
        privacy_url: Some(sample.text("https://notes.acme.example/privacy")),
        terms_url: Some(sample.text("https://notes.acme.example/terms")),
        ..Consent::default()
    }
}

fn device_consent(sample: Sample) -> Consent {
    let line = |scope| ScopeLine::new(sample.page().text, scope, "");
    let already = ["email", "orders:write"].into_iter().filter_map(line);
    Consent {
        on_device: true,
        verified: Some(false),
        already: already.collect(),
        terms_url: None,
        app: App { logo: Some(sample.text("/static/icon.svg")), ..app(sample) },
        ..consent(sample)
    }
}

fn mismatch(sample: Sample) -> ErrorPage {
    let sent = sample.text("https://notes.acme.example/callback/");
    ErrorPage::redirect_mismatch(sample.page(), &sample.text("Acme Notes"))
        .because("invalid_request", "redirect_uri is not registered")
        .sent(&sent)
        .closest("https://notes.acme.example/callback", Difference::TrailingSlash)
}

fn errors(sample: Sample) -> Vec<Rendered> {
    let render = |page: ErrorPage| page.render().expect("renders");
    vec![
        ("error", render(mismatch(sample))),
        ("error-client", render(ErrorPage::unknown_client(sample.page()))),
        ("error-request", render(ErrorPage::request(sample.page()).sent(&sample.text("x")))),
        ("error-again", render(ErrorPage::start_again(sample.page()))),
        ("error-form", render(ErrorPage::form(sample.page()))),
        ("error-forbidden", render(ErrorPage::forbidden(sample.page()))),
        ("error-missing", render(ErrorPage::not_found(sample.page()))),
        ("error-slow", render(ErrorPage::slow_down(sample.page()))),
        ("error-server", render(ErrorPage::server(sample.page()))),
        ("error-setup", render(ErrorPage::setup(sample.page()))),
        ("error-logout", render(ErrorPage::logout(sample.page()))),
    ]
}

fn logins(sample: Sample) -> Vec<Rendered> {
    let contact = Some(sample.text("help@example.org"));
    vec![
        ("login", login(sample).render().expect("renders")),
        ("login-own", Login { app: None, ..login(sample) }.render().expect("renders")),
        ("login-wrong", failed(sample, LoginMessage::Wrong)),
        ("login-slow", failed(sample, LoginMessage::SlowDown { seconds: 30 })),
        ("login-blocked", failed(sample, LoginMessage::Blocked { contact: None })),
        ("login-blocked-contact", failed(sample, LoginMessage::Blocked { contact })),
        ("login-old", failed(sample, LoginMessage::TooOld { minutes: 30 })),
        ("login-cookies", failed(sample, LoginMessage::CookiesOff)),
        ("login-again", failed(sample, LoginMessage::Again)),
        ("login-signed-up", failed(sample, LoginMessage::SignedUp)),
        ("login-set-up", failed(sample, LoginMessage::SetUp)),
        ("login-whole", whole_login(sample)),
    ]
}

fn ways_out(sample: Sample) -> Vec<Rendered> {
    let (page, app) = (sample.page(), sample.text("Acme Notes"));
    let fields = vec![(sample.text("code"), sample.text("abc"))];
    let address = sample.text("https://notes.acme.example/callback?code=abc");
    let returning = Returning { page: page.clone(), app: app.clone(), url: address.clone() };
    let form =
        FormPost { page: page.clone(), app: app.clone(), action: address, fields: fields.clone() };
    let logout = LogoutConfirm { page: sample.inside(Nav::None), app: Some(app), fields };
    let signing_out = SigningOut {
        page: page.clone(),
        frames: vec![sample.text("https://notes.acme.example/out?sid=s")],
        origins: vec!["https://notes.acme.example".into()],
        url: Some(sample.text("https://notes.acme.example/bye")),
    };
    vec![
        ("returning", returning.render().expect("renders")),
        ("form-post", form.render().expect("renders")),
        ("logout", logout.render().expect("renders")),
        ("link", link(sample, None)),
        ("link-again", link(sample, Some(LinkMessage::EmailTaken))),
        ("signing-out", signing_out.render().expect("renders")),
        ("signed-out", SignedOut { page }.render().expect("renders")),
    ]
}

fn link(sample: Sample, message: Option<LinkMessage>) -> String {
    let page = LinkAccount {
        page: sample.page(),
        action: sample.text("/login/upstream/acme/link"),
        name: sample.text("Acme"),
        label: sample.text("ada@example.org"),
        username: sample.text("ada"),
        may_create: true,
        message,
    };
    page.render().expect("renders")
}

fn sign_up(sample: Sample, app: Option<App>, errors: Errors) -> String {
    let page = SignUp {
        page: sample.page(),
        can_cancel: app.is_some(),
        app,
        txn: sample.text("sealed"),
        errors,
        email: sample.text("ada@example.org"),
        name: sample.text("Ada Lovelace"),
        minimum: "8".into(),
    };
    page.render().expect("renders")
}

fn setup(sample: Sample, errors: Errors) -> String {
    let setup = Setup {
        page: sample.page(),
        token: sample.text("token"),
        email: sample.text("ada@example.org"),
        name: sample.text("Ada Lovelace"),
        minimum: "8".into(),
        errors,
    };
    setup.render().expect("renders")
}

pub fn pages(sample: Sample) -> Vec<Rendered> {
    let select = SelectAccount {
        page: sample.page(),
        app: Some(app(sample)),
        txn: sample.text("sealed"),
        accounts: vec![person(sample)],
        can_cancel: true,
    };
    let home = Home { page: sample.inside(Nav::None), issuer: sample.text("https://id.example") };
    let mut wrong = Errors::default();
    wrong.add("email", sample.page().text, Problem::EmailInvalid);
    wrong.add("new-password", sample.page().text, Problem::PasswordTooShort(8));
    let mut pages = vec![
        ("select", select.render().expect("renders")),
        ("consent", consent(sample).render().expect("renders")),
        ("consent-device", device_consent(sample).render().expect("renders")),
        ("home", home.render().expect("renders")),
        ("setup", setup(sample, Errors::default())),
        ("sign-up", sign_up(sample, Some(app(sample)), Errors::default())),
        ("sign-up-own", sign_up(sample, None, Errors::default())),
        ("sign-up-wrong", sign_up(sample, Some(app(sample)), wrong.clone())),
        ("setup-wrong", setup(sample, wrong)),
    ];
    pages.extend(logins(sample));
    pages.extend(ways_out(sample));
    pages.extend(errors(sample));
    pages
}

fn has_all(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "{part} is not in {html}");
    }
}

#[test]
fn the_login_page_has_its_stable_names() {
    let html = page("login");
    has_all(
        &html,
        &[
            "<title>Sign in to Acme Notes – Countersign</title>",
            "action=\"/login\"",
            "id=\"username\" name=\"username\"",
            "autocomplete=\"username webauthn\"",
            "id=\"password\" name=\"password\"",
            "autocomplete=\"current-password\"",
            "id=\"remember\" name=\"remember\"",
            "id=\"login-submit\" type=\"submit\"",
            "id=\"login-cancel\" type=\"submit\" name=\"decision\" value=\"cancel\" formnovalidate",
            "name=\"txn\" value=\"sealed\"",
        ],
    );
    for absent in ["/recover", "/register", "passkey-login", "error-summary"] {
        assert!(!html.contains(absent), "{absent} does not work yet");
    }
}

#[test]
fn a_failed_login_keeps_the_name_and_says_why() {
    let html = page("login-wrong");
    has_all(
        &html,
        &[
            "<title>Error: Sign in",
            "role=\"alert\" id=\"error-summary\" tabindex=\"-1\" autofocus",
            "<strong>That did not work.</strong>",
            "value=\"ada\"",
            "value=\"1\" checked",
        ],
    );
    assert_eq!(html.matches("aria-invalid=\"true\" aria-describedby=\"error-summary\"").count(), 2);
    assert_eq!(html.matches(" autofocus").count(), 1);
    assert!(page("login-slow").contains("Wait 30 seconds"));
    for note in ["login-again", "login-signed-up", "login-set-up"] {
        let html = page(note);
        assert!(html.contains("role=\"status\"") && !html.contains("Error:"), "{note}: {html}");
        assert_eq!(html.matches(" autofocus").count(), 1, "{note}");
    }
    assert!(page("login-blocked").contains("Request code <code>01K9-7QJ4</code>"));
}

#[test]
fn a_throttled_login_says_when_to_come_back() {
    let message = Some(LoginMessage::SlowDown { seconds: 30 });
    let response = Login { message, ..Login::default() }.respond();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers().get("retry-after").expect("is set"), "30");
    let message = Some(LoginMessage::Wrong);
    assert_eq!(Login { message, ..Login::default() }.respond().status(), 422);
}

#[test]
fn the_consent_page_has_its_stable_names() {
    let html = page("consent");
    has_all(
        &html,
        &[
            "Acme Notes wants to use your account",
            "id=\"consent-allow\" type=\"submit\" name=\"decision\" value=\"allow\"",
            "id=\"consent-deny\" type=\"submit\" name=\"decision\" value=\"deny\"",
            "action=\"/consent/switch\"",
            "Not you?",
            "<span class=\"small muted\">ada@example.org</span>",
            "It will <b>not</b> see your password.",
            "href=\"https://notes.acme.example/privacy\"",
            "class=\"warn-icon\"",
        ],
    );
    assert!(!html.contains("autofocus"), "nobody agrees by pressing Enter");
    assert!(page("consent-device").contains("Only continue if you started this yourself."));
}

#[test]
fn the_ways_back_have_their_stable_names() {
    let link = "id=\"continue\" href=\"https://notes.acme.example/callback?code=abc\"";
    has_all(&page("returning"), &[link, "content=\"no-referrer\""]);
    let form = "action=\"https://notes.acme.example/callback?code=abc\" data-auto-submit";
    let field = "<input type=\"hidden\" name=\"code\" value=\"abc\">";
    has_all(&page("form-post"), &[form, field, "id=\"continue\""]);
    has_all(&page("logout"), &["Do you want to sign out", "id=\"logout-confirm\""]);
    has_all(&page("signed-out"), &["You are signed out"]);
}

#[test]
fn an_error_names_the_mistake_and_the_difference() {
    has_all(
        &page("error"),
        &[
            "<title>Error: We cannot send you back to this app",
            "Request error",
            "<code>https://notes.acme.example/callback/</code>",
            "(differs by the last “/”)",
            "Request code <code>01K9-7QJ4</code>",
        ],
    );
    assert!(page("error-logout").contains("Logout error"));
}

#[test]
fn a_chosen_theme_is_in_the_page() {
    let page = Page { theme: Some(Theme::Dark), ..Page::default() };
    let html = SignedOut { page }.render().expect("renders");
    assert!(html.contains("<html lang=\"en\" dir=\"ltr\" data-theme=\"dark\">"));
    assert!(!super::page("signed-out").contains("data-theme"));
}

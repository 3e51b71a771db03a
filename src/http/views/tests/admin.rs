//! The pages of administrators.

use super::super::admin::*;
use super::super::choice::Choice;
use super::super::problem::Problem;
use super::super::snippet::{Registration, Snippet};
use super::super::{Badge, Errors, Link};
use super::{Rendered, Sample, page};
use crate::http::page::Nav;
use crate::protocol::client::AuthMethod;
use askama::Template;

fn audit_row(sample: Sample, result: &str) -> AuditRow {
    AuditRow {
        at: sample.text("3 March 2026, 09:14 UTC"),
        actor: sample.text("user:u1"),
        actor_name: sample.text("Ada Lovelace"),
        action: sample.text("user.block"),
        target: sample.text("user:u2"),
        target_name: String::new(),
        result: Badge::result(sample.page().text, &sample.text(result)),
        ip: sample.text("192.0.2.7"),
        code: sample.text("01K9-7QJ4"),
        details: sample.text("reason: left the company"),
    }
}

fn dashboard(sample: Sample) -> Dashboard {
    let page = sample.inside(Nav::Dashboard);
    let day = |n: u64| Day {
        label: sample.text(&format!("{n} March 2026")),
        sign_ins: n * 7 % 40,
        failed: n % 5,
    };
    Dashboard {
        tiles: Tile::list(&page, 128, 3, 42, &sample.text("12 days")),
        days: (1..=30).map(day).collect(),
        attention: vec![Link {
            label: sample.text("The secret of Acme Notes is 14 months old"),
            href: sample.text("/admin/clients/acme-notes"),
        }],
        page,
    }
}

fn users(sample: Sample) -> Users {
    let page = sample.inside(Nav::Users);
    let row = |name: &str, blocked: bool| UserRow {
        name: sample.text(name),
        href: sample.text("/admin/users/u1"),
        email: sample.text("ada@example.org"),
        status: Badge::user(page.text, blocked),
        roles: sample.text("admin, support"),
        last_sign_in: (!blocked).then(|| sample.text("today 09:14")),
    };
    let role = sample.text("support");
    Users {
        query: sample.text("a"),
        states: Choice::user_states(page.text, "blocked"),
        roles: Choice::list(["admin", role.as_str()], &["admin"]),
        summary: Users::summary(&page, 2, 12480),
        rows: vec![row("ada", false), row("carol", true)],
        first: Some(sample.text("/admin/users")),
        next: Some(sample.text("/admin/users?after=u2")),
        page,
    }
}

fn new_user(sample: Sample, errors: Errors) -> String {
    let page = NewUser {
        page: sample.inside(Nav::Users),
        errors,
        email: sample.text("ada@example.org"),
        username: sample.text("ada"),
        name: sample.text("Ada Lovelace"),
        roles: sample.text("support"),
        groups: sample.text("staff"),
        minimum: "8".into(),
    };
    page.render().expect("renders")
}

fn user(sample: Sample, blocked: bool) -> UserPage {
    let page = sample.inside(Nav::Users);
    let session = SessionRow {
        device: sample.text("Firefox on Linux"),
        ip: sample.text("192.0.2.7"),
        signed_in: sample.text("3 March 2026"),
        last_seen: sample.text("just now"),
        end_url: sample.text("/admin/users/u1/sessions/s1/sign-out"),
    };
    let app = AppRow {
        name: sample.text("Acme Notes"),
        href: sample.text("/admin/clients/acme-notes"),
        scope: sample.text("openid email offline_access"),
        since: sample.text("3 March 2026"),
    };
    UserPage {
        base: sample.text("/admin/users/u1"),
        title: sample.text("Ada Lovelace"),
        id: sample.text("0123456789abcdef0123456789abcdef"),
        email: sample.text("ada@example.org"),
        email_verified: true,
        languages: Choice::languages(page.text, None),
        username: sample.text("ada"),
        name: sample.text("Ada Lovelace"),
        status: Badge::user(page.text, blocked),
        blocked,
        blocked_note: if blocked {
            sample.text("Blocked: left the company")
        } else {
            String::new()
        },
        created: sample.text("3 March 2026"),
        roles: sample.text("admin, support"),
        groups: sample.text("staff"),
        attributes: sample.text("{ \"department\": \"Engines\" }"),
        sessions: vec![session],
        apps: vec![app],
        audit: vec![audit_row(sample, "ok"), audit_row(sample, "denied")],
        audit_url: sample.text("/admin/audit?target=user:u1"),
        page,
        ..UserPage::default()
    }
}

fn password(sample: Sample, made: Option<&str>) -> SetPassword {
    SetPassword {
        page: sample.inside(Nav::Users),
        base: sample.text("/admin/users/u1"),
        name: sample.text("Ada Lovelace"),
        username: sample.text("ada"),
        once: "0123456789abcdef0123456789abcdef".into(),
        minimum: "8".into(),
        made: made.map(|made| sample.text(made)),
        ..SetPassword::default()
    }
}

fn snippets(sample: Sample, kind: ClientKind, secret: Option<&str>) -> Vec<Snippet> {
    let registration = Registration {
        kind,
        issuer: &sample.text("https://id.example.org"),
        client_id: &sample.text("acme-notes"),
        client_secret: secret,
        auth_method: match secret {
            Some(_) => AuthMethod::ClientSecretBasic,
            None => AuthMethod::None,
        },
        redirect_uri: Some(&sample.text("https://notes.acme.example/callback")),
        scope: &sample.text("openid profile email"),
    };
    registration.snippets(sample.page().text)
}

fn clients(sample: Sample) -> Clients {
    let page = sample.inside(Nav::Clients);
    let row = |disabled: bool| ClientRow {
        name: sample.text("Acme Notes"),
        href: sample.text("/admin/clients/acme-notes"),
        id: sample.text("acme-notes"),
        kind: ClientKind::Web.words(page.text),
        status: Badge::client(page.text, disabled),
        last_used: (!disabled).then(|| sample.text("just now")),
        secret_age: (!disabled).then(|| sample.text("2 months ago")),
    };
    Clients { rows: vec![row(false), row(true)], first: None, next: None, page }
}

fn client_form(sample: Sample, kind: ClientKind, errors: Errors) -> String {
    let page = ClientForm {
        page: sample.inside(Nav::Clients),
        kind,
        errors,
        once: "0123456789abcdef0123456789abcdef".into(),
        name: sample.text("Acme Notes"),
        redirect_uris: sample.text("https://notes.acme.example/callback\nhttp://notes.example/cb"),
        post_logout_redirect_uris: sample.text("https://notes.acme.example/"),
        scope: sample.text("openid profile email"),
    };
    page.render().expect("renders")
}

fn created(sample: Sample, kind: ClientKind) -> String {
    let secret = kind.has_secret().then(|| sample.text("cs_7f3kQd2"));
    let page = ClientCreated {
        page: sample.inside(Nav::Clients),
        name: sample.text("Acme Notes"),
        client_id: sample.text("acme-notes"),
        snippets: snippets(sample, kind, secret.as_deref()),
        secret,
        href: sample.text("/admin/clients/acme-notes"),
        test_url: Some(sample.text("/authorize?client_id=acme-notes")),
    };
    page.render().expect("renders")
}

fn client(sample: Sample, new_secret: Option<String>, disabled: bool) -> ClientPage {
    let page = sample.inside(Nav::Clients);
    let secret = |retire_url| SecretRow {
        created: sample.text("3 March 2026"),
        expires: Some(sample.text("3 March 2027")),
        retire_url,
    };
    let message = |delivered| MessageRow {
        kind: sample.text("backchannel_logout"),
        made: sample.text("3 March 2026"),
        status: Badge::message(page.text, delivered, !delivered),
        attempts: sample.text("2"),
        next: sample.text("3 March 2026"),
        problem: sample.text("the answer has status 500"),
    };
    let grant = sample.text("urn:x");
    let grants = ["authorization_code", "refresh_token", "client_credentials", grant.as_str()];
    ClientPage {
        base: sample.text("/admin/clients/acme-notes"),
        name: sample.text("Acme Notes"),
        client_id: sample.text("acme-notes"),
        kind: ClientKind::Web.words(page.text),
        status: Badge::client(page.text, disabled),
        disabled,
        messages: vec![message(true), message(false)],
        new_secret,
        redirect_uris: sample.text("https://notes.acme.example/callback"),
        post_logout_redirect_uris: sample.text("https://notes.acme.example/"),
        scope: sample.text("openid profile email"),
        grant_types: Choice::list(grants, &["authorization_code", "refresh_token"]),
        require_pkce: true,
        access_token_formats: Choice::token_formats(page.text, "jwt"),
        id_token_algs: Choice::list(["ES256", "RS256", "PS256", "EdDSA"], &["ES256"]),
        proof: ProofForm {
            auth_methods: Choice::list(["client_secret_basic", "client_secret_post"], &[]),
            names: vec![CertificateName {
                member: "tls_client_auth_san_dns",
                value: "<orders.example.com>".into(),
            }],
            ..ProofForm::default()
        },
        has_secret: true,
        secrets: vec![secret(None), secret(Some(sample.text("/admin/clients/a/retire/1")))],
        snippets: snippets(sample, ClientKind::Web, None),
        test_url: Some(sample.text("/authorize?client_id=acme-notes")),
        start_url: Some(sample.text("https://notes.acme.example/start?iss=x")),
        page,
        ..ClientPage::default()
    }
}

fn settings(sample: Sample) -> ClientSettings {
    let choices = || Choice::list(["RS256", "ES256"], &["ES256"]);
    let field = |id, control| SettingField { id, label: sample.text(id), control };
    let fields = vec![
        field("logo_uri", Control::Line(sample.text("https://notes.acme.example/logo.png"))),
        field("jwks", Control::Area(sample.text("{}"))),
        field("require_auth_time", Control::Flag(true)),
        field("userinfo_signed_response_alg", Control::Select(choices())),
        field("response_types", Control::Checks(choices())),
    ];
    let mut errors = Errors::default();
    errors.add("logo_uri", sample.page().text, Problem::LinkInvalid);
    errors.add("response_types", sample.page().text, Problem::ResponseInvalid);
    let title = sample.text("Keys");
    ClientSettings {
        version: "v1".into(),
        page: sample.inside(Nav::Clients),
        errors,
        preview: sample.text("/admin/preview?client=acme-notes"),
        base: sample.text("/admin/clients/acme-notes"),
        name: sample.text("Acme Notes"),
        sections: vec![SettingSection { id: "settings-keys".into(), title, fields }],
    }
}

fn wrong_address(sample: Sample) -> Errors {
    let mut wrong = Errors::default();
    wrong.add("redirect_uris", sample.page().text, Problem::AddressInsecure(2));
    wrong
}

fn keys(sample: Sample) -> Keys {
    let page = sample.inside(Nav::Keys);
    let row = |state: &str, retire_url| KeyRow {
        kid: sample.text("k-2026-03"),
        algorithm: sample.text("ES256"),
        state: Badge::key(page.text, &sample.text(state)),
        created: sample.text("3 March 2026"),
        signs_from: sample.text("3 March 2026, 09:14 UTC"),
        leaves: sample.text("3 June 2026"),
        retire_url,
    };
    let retire = Some(sample.text("/admin/keys/k1/retire"));
    let link = Link {
        label: sample.text("ES256"),
        href: sample.text("/admin/keys/rotate?algorithm=ES256"),
    };
    let rows = vec![row("next", None), row("active", retire), row("retired", None)];
    Keys { rows, rotate: vec![link], page }
}

fn audit(sample: Sample) -> Audit {
    let page = sample.inside(Nav::Audit);
    let filter = AuditFilter {
        from: sample.text("2026-11-01"),
        actor: sample.text("user:u1"),
        results: Choice::results(page.text, "ok"),
        ..AuditFilter::default()
    };
    Audit {
        filter,
        rows: vec![audit_row(sample, "ok"), audit_row(sample, "failed")],
        first: None,
        next: Some(sample.text("/admin/audit?before=9")),
        csv: sample.text("/admin/audit.csv"),
        json: sample.text("/admin/audit.json"),
        page,
    }
}

fn of_clients(sample: Sample) -> Vec<Rendered> {
    let secret = Some(sample.text("cs_7f3kQd2"));
    let refused = ClientPage { errors: wrong_address(sample), ..client(sample, None, true) };
    let none = Errors::default;
    vec![
        ("admin-clients", clients(sample).render().expect("renders")),
        ("admin-client-new", client_form(sample, ClientKind::Web, none())),
        ("admin-client-new-machine", client_form(sample, ClientKind::Machine, none())),
        ("admin-client-new-wrong", client_form(sample, ClientKind::Web, wrong_address(sample))),
        ("admin-client-created", created(sample, ClientKind::Web)),
        ("admin-client-created-spa", created(sample, ClientKind::SinglePage)),
        ("admin-client-created-machine", created(sample, ClientKind::Machine)),
        ("admin-client", client(sample, None, false).render().expect("renders")),
        ("admin-client-secret", client(sample, secret, false).render().expect("renders")),
        ("admin-client-settings", settings(sample).render().expect("renders")),
        ("admin-client-wrong", refused.render().expect("renders")),
    ]
}

pub fn pages(sample: Sample) -> Vec<Rendered> {
    let mut wrong = Errors::default();
    wrong.add("email", sample.page().text, Problem::EmailTaken);
    wrong.add("roles", sample.page().text, Problem::ListInvalid);
    let types = NewClient { page: sample.inside(Nav::Clients) };
    let mut pages = vec![
        ("admin-dashboard", dashboard(sample).render().expect("renders")),
        ("admin-users", users(sample).render().expect("renders")),
        ("admin-user-new", new_user(sample, Errors::default())),
        ("admin-user-new-wrong", new_user(sample, wrong)),
        ("admin-user", user(sample, false).render().expect("renders")),
        ("admin-user-blocked", user(sample, true).render().expect("renders")),
        (
            "admin-user-own",
            UserPage { own: true, ..user(sample, false) }.render().expect("renders"),
        ),
        ("admin-user-password", password(sample, None).render().expect("renders")),
        ("admin-user-password-made", password(sample, Some("a1b2c")).render().expect("renders")),
        ("admin-client-type", types.render().expect("renders")),
        ("admin-keys", keys(sample).render().expect("renders")),
        ("admin-audit", audit(sample).render().expect("renders")),
    ];
    pages.extend(of_clients(sample));
    pages
}

fn has_all(name: &str, parts: &[&str]) {
    let html = page(name);
    for part in parts {
        assert!(html.contains(part), "{part} is not in {html}");
    }
}

#[test]
fn the_wizard_names_every_type_in_a_sentence() {
    for kind in ClientKind::ALL {
        let text = super::Page::default().text;
        let link = format!("href=\"/admin/clients/new?type={}\"", kind.name());
        has_all("admin-client-type", &[&link, &kind.words(text), &kind.sentence(text)]);
        assert_eq!(ClientKind::from_name(kind.name()), Some(kind));
    }
}

#[test]
fn a_wrong_address_is_named_by_its_line() {
    let parts = [
        "Line 2: use https.",
        "aria-invalid=\"true\" aria-describedby=\"redirect_uris-error\"",
        "http://notes.example/cb</textarea>",
    ];
    has_all("admin-client-new-wrong", &parts);
    assert!(!page("admin-client-new-machine").contains("redirect_uris"));
}

#[test]
fn a_secret_is_shown_with_a_warning_and_can_be_copied() {
    let parts = [
        "<strong>Copy the secret now.</strong>",
        "id=\"secret\">cs_7f3kQd2</pre>",
        "data-copy=\"secret\" data-done=\"Copied\" hidden",
        "OIDC_CLIENT_SECRET=cs_7f3kQd2",
    ];
    has_all("admin-client-created", &parts);
    has_all("admin-client-secret", &parts[..3]);
    for without in ["admin-client", "admin-client-created-spa"] {
        assert!(!page(without).contains("cs_7f3kQd2"), "{without}");
    }
}

#[test]
fn a_client_page_has_all_its_settings() {
    let parts = [
        "name=\"grant_types\" value=\"authorization_code\" checked",
        "name=\"grant_types\" value=\"client_credentials\">",
        "name=\"require_pkce\" value=\"1\" checked",
        "name=\"skip_consent\" value=\"1\">",
        "<option value=\"jwt\" selected>",
        "<option value=\"ES256\" selected>",
        "id=\"auth_method\" name=\"auth_method\"",
        "action=\"/admin/clients/acme-notes\"",
        "id=\"client-save\"",
        "id=\"secret-rotate\"",
        "id=\"initiate-login\"",
        "id=\"client-delete\"",
    ];
    has_all("admin-client", &parts);
    let forms = page("admin-client").matches("action=\"/admin/clients/acme-notes").count();
    assert_eq!(forms, 1, "what is typed in one part is saved with the others");
    assert!(!page("admin-client").contains("id=\"test-login\""), "the app can start one itself");
    has_all("admin-client-created", &["id=\"test-login\"", "The app did not begin this sign-in"]);
}

#[test]
fn a_user_page_offers_what_fits_the_state() {
    assert!(page("admin-user").contains("id=\"user-block\" href=\"/admin/users/u1/block\""));
    assert!(!page("admin-user").contains("id=\"user-unblock\""));
    assert!(page("admin-user-blocked").contains("id=\"user-unblock\""));
    assert!(page("admin-user-blocked").contains("Blocked: left the company"));
    for act in ["user-block", "user-delete"] {
        assert!(page("admin-user").contains(&format!("id=\"{act}\"")), "{act}");
        assert!(!page("admin-user-own").contains(&format!("id=\"{act}\"")), "{act}");
    }
}

#[test]
fn a_password_that_was_made_is_shown_in_the_place_of_the_form() {
    has_all(
        "admin-user-password",
        &["name=\"new-password\"", "Reason (required)", "value=\"make\""],
    );
    has_all("admin-user-password-made", &["id=\"secret\">a1b2c</pre>", "It is shown once."]);
    assert!(!page("admin-user-password-made").contains("id=\"new-password\""));
}

#[test]
fn the_other_admin_pages_say_what_they_should() {
    has_all("admin-users", &["Users: 2 of 12480", "rel=\"next\"", "name=\"q\" type=\"search\""]);
    has_all("admin-dashboard", &["<svg class=\"chart\"", "role=\"img\"", "Needs attention"]);
    let rotate = "Apps see the new key at once; we start to use it in 10 minutes.";
    has_all("admin-keys", &[rotate, "Rotate now: ES256"]);
    has_all("admin-audit", &["Export CSV", "Export JSON", "value=\"2026-11-01\""]);
}

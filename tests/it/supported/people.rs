//! What is listed about people and what they see: scopes, claims, levels, subjects, pages.

use super::Stage;
use crate::support::crypto::claims;
use crate::support::{Agent, WebApp};
use countersign::protocol::client::SubjectType;
use serde_json::{Value, json};

/// What can be asked for by name: about the sign-in, then about the person.
pub const CLAIMS: &[&str] = &[
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "sid",
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
    "email",
    "email_verified",
    "address",
    "phone_number",
    "phone_number_verified",
];
/// How many of them are about the sign-in.
const ABOUT_SIGN_IN: usize = 10;

pub async fn scope(stage: &Stage, scope: &str) {
    let app = &stage.app;
    let asked = ["openid", scope].join(" ");
    let tokens = app.tokens("ada", &asked).await;
    assert!(tokens.scope.split(' ').any(|granted| granted == scope), "{scope}");
    let about = app.userinfo(&tokens.access_token).await.json;
    let brings = |name: &str| assert!(about.get(name).is_some(), "{scope}: {about}");
    match scope {
        "openid" => assert_eq!(claims(&tokens.id_token)["sub"], about["sub"]),
        "offline_access" => assert!(!tokens.refresh_token.is_empty()),
        "profile" => brings("name"),
        "email" => brings("email"),
        "address" => brings("address"),
        "phone" => brings("phone_number"),
        other => panic!("no case covers the scope {other}"),
    }
}

/// Asked for by name, it is in the ID token; what is about the person, in UserInfo as well.
pub async fn claim(stage: &Stage, name: &str) {
    let app = &stage.app;
    let asked = json!({ "id_token": { name: null }, "userinfo": { name: null } }).to_string();
    let granted = app.code("ada", &[("claims", &asked), ("nonce", "n")]).await;
    let tokens = app.redeem(&granted).await.expect_tokens();
    assert!(claims(&tokens.id_token).get(name).is_some(), "{name}");
    if !CLAIMS[..ABOUT_SIGN_IN].contains(&name) {
        let about = app.userinfo(&tokens.access_token).await.json;
        assert!(about.get(name).is_some(), "{name}: {about}");
    }
}

/// A normal claim stands in the answer itself.
pub async fn claim_type(stage: &Stage, kind: &str) {
    assert_eq!(kind, "normal");
    let tokens = stage.app.tokens("ada", "openid profile").await;
    let about = stage.app.userinfo(&tokens.access_token).await.json;
    assert_eq!(about["name"], "Ada Lovelace");
    assert_eq!(about.get("_claim_names"), None);
}

pub async fn acr(stage: &Stage, level: &str) {
    let essential = json!({ "id_token": { "acr": { "essential": true, "values": [level] } } });
    for extra in [("acr_values", level.to_owned()), ("claims", essential.to_string())] {
        let granted = stage.app.code("ada", &[(extra.0, &extra.1)]).await;
        let tokens = stage.app.redeem(&granted).await.expect_tokens();
        assert_eq!(claims(&tokens.id_token)["acr"], level);
    }
}

pub async fn subject_type(stage: &Stage, kind: &str) {
    let kind: SubjectType = kind.parse().expect("a subject type");
    let mut names = Vec::new();
    for host in ["one.example", "two.example"] {
        let app = stage.client(|draft| {
            draft.metadata.subject_type = kind;
            draft.metadata.redirect_uris = vec![format!("https://{host}/cb")];
        });
        let tokens = app.await.tokens("ada", "openid").await;
        names.push(claims(&tokens.id_token)["sub"].clone());
    }
    assert_eq!(names[0] == names[1], kind == SubjectType::Public, "{kind}: {names:?}");
}

pub async fn prompt(stage: &Stage, prompt: &str) {
    let app = &stage.app;
    app.code("ada", &[]).await;
    let page = app.authorize(&[("prompt", prompt)]).await;
    let shows = |id: &str| assert!(page.has_id(id), "{prompt}: {} {}", page.url, page.body);
    match prompt {
        "none" => {
            assert!(page.expect_answer().has("code"));
            let nobody = app.in_another_browser().authorize(&[("prompt", "none")]).await;
            nobody.expect_refusal("login_required");
        }
        "login" => shows("login-submit"),
        "consent" => shows("consent-allow"),
        "select_account" => shows("select-other"),
        "create" => shows("sign-up-submit"),
        other => panic!("no case covers prompt={other}"),
    }
}

pub async fn locale(stage: &Stage, tag: &str) {
    let app = WebApp { agent: Agent::new(stage.server()), ..stage.app.clone() };
    let page = app.authorize(&[("ui_locales", tag)]).await;
    assert!(page.body.contains(&format!("lang=\"{tag}\"")), "{}", page.body);
    let says: Value = match tag {
        "en" => "Sign in".into(),
        "de" => "Anmelden".into(),
        other => panic!("no case covers the language {other}"),
    };
    assert!(page.body.contains(says.as_str().expect("a text")), "{}", page.body);
}

//! The people of the demo, its app, and what is said at the start.

use crate::domain::Provider;
use crate::domain::audit::Actor;
use crate::domain::clients::management::{self, ClientDraft, ClientError};
use crate::domain::identity::users::{self, AccountError, NewUser};
use crate::domain::resources::management::{self as resources, ResourceDraft, ResourceError};
use crate::protocol::client::{ClientMetadata, GrantType};
use crate::protocol::random::Random;
use crate::protocol::resource::ResourceSettings;

/// Who gets an account: email, name, role.
const PEOPLE: [(&str, &str, Option<&str>); 3] = [
    ("ada@example.org", "Ada", None),
    ("grace@example.org", "Grace", None),
    ("admin@example.org", "Administrator", Some("admin")),
];

/// A person with the password that is shown once.
pub struct Person {
    email: String,
    password: String,
    is_admin: bool,
}

/// The demo's web app as a client.
pub struct App {
    pub id: String,
    pub secret: Option<String>,
}

/// Makes the accounts.
pub async fn create(provider: &Provider) -> Result<Vec<Person>, AccountError> {
    let mut people = Vec::new();
    for (email, name, role) in PEOPLE {
        let password = password(provider.random.as_ref());
        let new = NewUser {
            email: email.into(),
            email_verified: true,
            username: Some(name.to_lowercase()),
            name: Some(name.into()),
            password: Some(password.clone()),
            roles: role.into_iter().map(str::to_owned).collect(),
            groups: vec!["demo".into()],
            ..NewUser::default()
        };
        users::create(&provider.ground(), new, &Actor::system()).await?;
        people.push(Person { email: email.into(), password, is_admin: role.is_some() });
    }
    Ok(people)
}

/// Three groups of letters and digits: 80 random bits that can be typed.
fn password(random: &dyn Random) -> String {
    let id = random.id();
    [&id[..6], &id[6..12], &id[12..20]].join("-")
}

/// Describes the API of the orders service, so that people read what an app wants there.
pub async fn register_api(provider: &Provider) -> Result<(), ResourceError> {
    let scopes = [
        ("orders:read", "See your orders"),
        ("orders:write", "Place, change and cancel orders for you"),
    ];
    let described = |(scope, words): (&str, &str)| (scope.to_owned(), words.to_owned());
    let draft = ResourceDraft {
        identifier: provider.default_audience().to_owned(),
        name: "Demo orders".into(),
        settings: ResourceSettings {
            scopes: scopes.into_iter().map(described).collect(),
            ..ResourceSettings::default()
        },
    };
    resources::create(&provider.ground(), draft, None, &Actor::system()).await?;
    Ok(())
}

/// Registers the app, as an administrator would.
pub async fn register_app(provider: &Provider, base_url: &str) -> Result<App, ClientError> {
    let scope = "openid profile email offline_access orders:read orders:write";
    let draft = ClientDraft {
        name: "Demo shop".into(),
        metadata: ClientMetadata {
            redirect_uris: vec![format!("{base_url}/callback")],
            post_logout_redirect_uris: vec![format!("{base_url}/")],
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            scope: scope.parse().unwrap_or_default(),
            ..ClientMetadata::default()
        },
        ..ClientDraft::default()
    };
    let created = management::create(&provider.ground(), draft, &Actor::system()).await?;
    Ok(App { id: created.client.id, secret: created.secret })
}

/// What is printed once everything runs.
pub fn welcome(issuer: &str, app: &str, people: &[Person]) -> String {
    let mut lines = vec![
        String::new(),
        "Countersign runs, with a web app and a microservice beside it.".into(),
        String::new(),
        format!("  Open {app} and choose \"Sign in with Countersign\"."),
        String::new(),
        "  Sign in as one of these; the passwords are for this run only:".into(),
    ];
    lines.extend(people.iter().map(|person| {
        let role = if person.is_admin { "   (administrator)" } else { "" };
        format!("    {:<20} {}{role}", person.email, person.password)
    }));
    lines.extend([
        String::new(),
        format!("  Administration: {issuer}/admin   (block somebody there, and watch the app)"),
        format!("  Your account:   {issuer}/account"),
        "  Ctrl-C ends the demo and removes its data.".into(),
    ]);
    lines.join("\n")
}

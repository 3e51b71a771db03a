//! Services that call each other for a person: a gateway, behind it orders, behind that bills. Each
//! exchanges the token it was sent for one for the next (RFC 8693).

use super::test_server::system;
use super::{Reply, TestServer, Tokens, WebApp};
use countersign::domain::clients::management::ClientDraft;
use countersign::domain::identity::users::Account;
use countersign::domain::resources::management::{self, ResourceDraft};
use countersign::protocol::client::GrantType;
use countersign::protocol::resource::ResourceSettings;

pub const GATEWAY: &str = "https://gateway.example";
pub const ORDERS: &str = "https://orders.example";
pub const BILLS: &str = "https://bills.example/v1";

pub const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What the app asks people for.
pub const SCOPE: &str = "openid gateway:use orders:read bills:read";

/// An app that people use, and the services.
pub struct Landscape {
    pub ada: Account,
    pub app: WebApp,
    pub gateway: WebApp,
    pub orders: WebApp,
    pub bills: WebApp,
}

/// Makes a resource with these scopes.
pub async fn resource(
    server: &TestServer,
    identifier: &str,
    scopes: &[&str],
    change: impl FnOnce(&mut ResourceSettings),
) -> Option<String> {
    let scope = |scope: &&str| ((*scope).to_owned(), format!("Words for {scope}"));
    let mut settings = ResourceSettings {
        scopes: scopes.iter().map(scope).collect(),
        ..ResourceSettings::default()
    };
    change(&mut settings);
    let draft = ResourceDraft { identifier: identifier.into(), name: "An API".into(), settings };
    let seal = server.provider.resources.seal();
    let made = management::create(&server.provider.ground(), draft, Some(seal), system()).await;
    made.expect("the resource can be made").secret
}

/// A service that serves one resource and may go on to another.
pub fn service(
    id: &'static str,
    serves: &'static str,
    calls: &'static [&'static str],
    scope: &'static str,
) -> impl FnOnce(&mut ClientDraft) {
    move |draft| {
        draft.id = Some(id.into());
        draft.name = id.into();
        draft.metadata.grant_types = vec![GrantType::ClientCredentials];
        draft.metadata.redirect_uris.clear();
        draft.metadata.post_logout_redirect_uris.clear();
        draft.metadata.scope = scope.parse().expect("a scope");
        draft.policy.resource_server_of = vec![serves.into()];
        if !calls.is_empty() {
            draft.metadata.grant_types.push(GrantType::TokenExchange);
            draft.policy.exchange.audiences = calls.iter().map(|one| (*one).into()).collect();
            draft.policy.exchange.actors = vec![id.into()];
        }
    }
}

impl Landscape {
    /// The services, and Ada.
    pub async fn build(server: &TestServer) -> Self {
        Self::build_with(server, |_| {}).await
    }

    /// As [`Landscape::build`], with the registration of the gateway changed.
    pub async fn build_with(server: &TestServer, change: impl FnOnce(&mut ClientDraft)) -> Self {
        let ada = server.user("ada").await;
        resource(server, GATEWAY, &["gateway:use"], |_| {}).await;
        resource(server, ORDERS, &["orders:read", "orders:write"], |_| {}).await;
        resource(server, BILLS, &["bills:read"], |_| {}).await;
        let app = WebApp::register_as(server, |draft| {
            draft.metadata.scope = format!("{SCOPE} offline_access orders:write").parse().unwrap();
        })
        .await;
        let scope = "orders:read orders:write bills:read";
        let gateway = service("gateway", GATEWAY, &[ORDERS], scope);
        let gateway = WebApp::register_as(server, |draft| {
            gateway(draft);
            change(draft);
        });
        Self {
            ada,
            app,
            gateway: gateway.await,
            orders: WebApp::register_as(server, service("orders", ORDERS, &[BILLS], "bills:read"))
                .await,
            bills: WebApp::register_as(server, service("bills", BILLS, &[], "bills:read")).await,
        }
    }

    /// What the app gets when Ada signs in, for the gateway.
    pub async fn user_tokens(&self) -> Tokens {
        let code = self.app.code("ada", &[("scope", SCOPE), ("resource", GATEWAY)]).await;
        self.app.redeem(&code).await.expect_tokens()
    }

    /// Ada's token for the gateway.
    pub async fn user_token(&self) -> String {
        self.user_tokens().await.access_token
    }

    /// Ada's token as the gateway passes it on to orders, in its own name.
    pub async fn at_orders(&self, user_token: &str) -> String {
        let actor = self.gateway.own_token().await;
        self.gateway.act_for(user_token, &actor, &[]).await.expect_tokens().access_token
    }
}

impl WebApp {
    /// The token of a service about itself.
    pub async fn own_token(&self) -> String {
        let reply = self.token(&[("grant_type", "client_credentials")]).await;
        reply.expect_tokens().access_token
    }

    /// Exchanges a token; parameters in `extra` replace those there are, empty ones leave them out.
    pub async fn exchange(&self, subject: &str, extra: &[(&str, &str)]) -> Reply {
        self.exchange_with(subject, extra, &[]).await
    }

    /// As [`WebApp::exchange`], with these `DPoP` headers.
    pub async fn exchange_with(
        &self,
        subject: &str,
        extra: &[(&str, &str)],
        proofs: &[&str],
    ) -> Reply {
        let mut form = vec![
            ("grant_type", EXCHANGE),
            ("subject_token", subject),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        form.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
        form.extend(extra.iter().filter(|(_, value)| !value.is_empty()));
        self.token_with(&form, proofs).await
    }

    /// Exchanges a token, acting in the name of the subject of another one.
    pub async fn act_for(&self, subject: &str, actor: &str, extra: &[(&str, &str)]) -> Reply {
        let mut all = vec![("actor_token", actor), ("actor_token_type", ACCESS_TOKEN)];
        all.extend_from_slice(extra);
        self.exchange(subject, &all).await
    }
}

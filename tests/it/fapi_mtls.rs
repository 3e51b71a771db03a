//! FAPI 2.0 with certificates: client authentication and sender constraint by mutual TLS (RFC 8705)
//! instead of assertions and DPoP.

use crate::support::certificates::{Issued, Mutual, SAN_DNS, stranger};
use crate::support::crypto::{claims, header, jwks, key, sign};
use crate::support::requests::{open, parameters, reference};
use crate::support::{Code, Reply, Store, VERIFIER, WebApp};
use countersign::domain::clients::management::ClientDraft;
use countersign::jose::{SigningAlgorithm, Typ};
use countersign::protocol::client::{AuthMethod, Profile};
use serde_json::{Value, json};

/// A client of the profile with its certificate.
struct Holder {
    app: WebApp,
    shown: Issued,
}

fn profile(method: AuthMethod) -> impl FnOnce(&mut ClientDraft) {
    move |draft| {
        draft.metadata.token_endpoint_auth_method = method;
        draft.metadata.sender.tls_client_certificate_bound_access_tokens = true;
        draft.policy.profile = Profile::Fapi2;
    }
}

impl Holder {
    /// One whose certificate an authority vouches for.
    async fn by_name(mutual: &Mutual) -> Self {
        let shown = Issued::client(Some(&mutual.authority));
        let app = WebApp::register_as(&mutual.server, |draft| {
            profile(AuthMethod::TlsClientAuth)(draft);
            draft.metadata.sender.tls_client_auth_san_dns = Some(SAN_DNS.into());
        })
        .await;
        Self { app, shown }.at(mutual)
    }

    /// One with a certificate of its own.
    async fn self_signed(mutual: &Mutual) -> Self {
        let shown = Issued::client(None);
        let jwk = shown.jwk();
        let app = WebApp::register_as(&mutual.server, |draft| {
            profile(AuthMethod::SelfSignedTlsClientAuth)(draft);
            draft.metadata.jwks = Some(json!({ "keys": [jwk] }));
        })
        .await;
        Self { app, shown }.at(mutual)
    }

    /// Where certificates are asked for.
    fn at(mut self, mutual: &Mutual) -> Self {
        self.app.http = self.shown.http();
        self.app.base = mutual.url.clone();
        self
    }

    /// The same client over a connection that shows another certificate, or none.
    fn showing(&self, other: Option<&Issued>) -> WebApp {
        WebApp { http: other.map_or_else(stranger, Issued::http), ..self.app.clone() }
    }

    async fn push(&self, extra: &[(&str, &str)]) -> Reply {
        let request = parameters(&self.app, extra);
        let form: Vec<(&str, &str)> = request
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .filter(|(name, _)| *name != "client_id")
            .collect();
        self.app.call("/par", &form).await
    }

    async fn code(&self) -> Code {
        let extra = [("scope", "openid offline_access"), ("prompt", "consent")];
        let page = open(&self.app, &reference(&self.push(&extra).await)).await;
        let answer = self.app.finish("ada", page).await;
        assert!(answer.has("iss") && answer.has("code"), "{answer:?}");
        Code { value: answer.get("code").to_owned(), verifier: VERIFIER.into() }
    }
}

async fn flows(store: Store) {
    let mutual = Mutual::start_on(store).await;
    mutual.server.user("ada").await;
    for holder in [Holder::by_name(&mutual).await, Holder::self_signed(&mutual).await] {
        let code = holder.code().await;
        let stranger = Issued::client(Some(&Issued::authority("Authority")));
        for other in [None, Some(&stranger)] {
            let refused = holder.showing(other).redeem(&code).await;
            refused.expect(401, "invalid_client");
        }
        let tokens = holder.app.redeem(&code).await.expect_tokens();
        assert_eq!(header(&tokens.id_token)["alg"], "PS256");
        let bound = json!({ "x5t#S256": holder.shown.thumbprint() });
        assert_eq!(claims(&tokens.access_token)["cnf"], bound);
        assert_eq!(holder.app.userinfo(&tokens.access_token).await.status, 200);
        for other in [None, Some(&stranger)] {
            let refused = holder.showing(other).userinfo(&tokens.access_token).await;
            refused.expect(401, "invalid_token");
            let refused = holder.showing(other).refresh(&tokens.refresh_token).await;
            refused.expect(401, "invalid_client");
        }
        let refreshed = holder.app.refresh(&tokens.refresh_token).await.expect_tokens();
        assert_eq!(refreshed.refresh_token, tokens.refresh_token, "it is not rotated");
        holder.app.refresh(&tokens.refresh_token).await.expect_tokens();
    }
}

async fn rules(store: Store) {
    let mutual = Mutual::start_on(store).await;
    let holder = Holder::by_name(&mutual).await;
    holder.app.authorize(&[]).await.expect_refusal("invalid_request");
    for extra in [("code_challenge", ""), ("code_challenge_method", "plain"), ("redirect_uri", "")]
    {
        holder.push(&[extra]).await.expect(400, "invalid_request");
    }
    // A push without the certificate is of nobody.
    let form = [("response_type", "code")];
    holder.showing(None).call("/par", &form).await.expect(401, "invalid_client");
    // Nor does another kind of proof stand in for it.
    let key = key(SigningAlgorithm::ES256);
    let now = mutual.server.provider.now().as_unix();
    let claims = json!({
        "iss": holder.app.id, "sub": holder.app.id, "aud": mutual.server.issuer(),
        "exp": now + 60, "jti": "a",
    });
    let assertion = sign(&key, Typ::ClientAssertion, &claims);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let form = [("client_assertion", &*assertion), ("client_assertion_type", kind)];
    holder.app.call("/par", &form).await.expect(401, "invalid_client");
}

/// A client that signs assertions, and whose tokens are bound to a certificate all the same.
async fn mixed(store: Store) {
    let mutual = Mutual::start_on(store).await;
    mutual.server.user("ada").await;
    let (key, shown) = (key(SigningAlgorithm::ES256), Issued::client(None));
    let set = jwks(&[&key]);
    let app = WebApp::register_as(&mutual.server, |draft| {
        profile(AuthMethod::PrivateKeyJwt)(draft);
        draft.metadata.jwks = Some(set);
    })
    .await;
    let call =
        async |path: &str, certificate: Option<&Issued>, form: &[(&str, &str)], jti: &str| {
            let now = mutual.server.provider.now().as_unix();
            let claims = json!({
                "iss": app.id, "sub": app.id, "aud": mutual.server.issuer(), "exp": now + 60,
                "jti": jti,
            });
            let assertion = sign(&key, Typ::ClientAssertion, &claims);
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            let proof = [("client_assertion", &*assertion), ("client_assertion_type", kind)];
            let http = certificate.map_or_else(stranger, Issued::http);
            let app = WebApp { http, base: mutual.url.clone(), ..app.clone() };
            app.call(path, &[form, &proof].concat()).await
        };
    let request = parameters(&app, &[]);
    let form: Vec<(&str, &str)> = request.iter().map(|(a, b)| (&**a, &**b)).collect();
    let pushed = reference(&call("/par", None, &form, "push").await);
    let page = app.agent.log_in(&open(&app, &pushed).await, "ada").await;
    let code = app.agent.decide(&page, "allow").await.expect_answer().get("code").to_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", &*app.redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    call("/token", None, &form, "without").await.expect(400, "invalid_request");
    let tokens = call("/token", Some(&shown), &form, "with").await.expect_tokens();
    let bound: Value = claims(&tokens.access_token)["cnf"].clone();
    assert_eq!(bound, json!({ "x5t#S256": shown.thumbprint() }));
}

mod s14_s15_s17_a_certificate_proves_the_client_and_binds_its_tokens {
    use super::*;

    #[tokio::test]
    async fn on_sqlite() {
        flows(Store::Sqlite).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        flows(Store::Postgres).await;
    }
}

mod s5_s8_s10_a_client_with_a_certificate_keeps_every_rule {
    use super::*;

    #[tokio::test]
    async fn on_sqlite() {
        rules(Store::Sqlite).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        rules(Store::Postgres).await;
    }
}

mod s14_tokens_of_who_signs_may_be_bound_to_a_certificate {
    use super::*;

    #[tokio::test]
    async fn on_sqlite() {
        mixed(Store::Sqlite).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        mixed(Store::Postgres).await;
    }
}

//! The whole flow as an app of today sees it, with the `openidconnect` crate as the judge.

use crate::support::web_app::draft;
use crate::support::{Agent, TestServer, both};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreTokenResponse,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EmptyAdditionalClaims,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, LogoutRequest, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PostLogoutRedirectUrl, RedirectUrl, Scope,
    TokenResponse, UserInfoClaims,
};

type Library = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What a flow leaves in the hands of the app.
struct Done {
    tokens: CoreTokenResponse,
    nonce: Nonce,
    algorithm: CoreJwsSigningAlgorithm,
    subject: String,
}

async fn library(server: &TestServer, alg: &str) -> (Library, reqwest::Client) {
    let mut app = draft();
    app.metadata.id_token_signed_response_alg = Some(alg.into());
    let created = server.client(app).await;
    let http = Agent::new(server).http;
    let issuer = IssuerUrl::new(server.issuer().to_owned()).expect("an address");
    let metadata = CoreProviderMetadata::discover_async(issuer, &http).await.expect("discovery");
    let library = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(created.client.id),
        created.secret.map(ClientSecret::new),
    );
    let redirect = RedirectUrl::new("https://app.example/cb".into()).expect("an address");
    (library.set_redirect_uri(redirect), http)
}

/// Signs in through the pages and redeems the code; every check is the library's.
async fn sign_in(library: &Library, http: &reqwest::Client, agent: &Agent) -> Done {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let (url, state, nonce) = library
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(["profile", "email", "offline_access"].map(|one| Scope::new(one.into())))
        .add_extra_param("prompt", "consent")
        .set_pkce_challenge(challenge)
        .url();
    let page = agent.open(url.as_str()).await;
    let page = agent.log_in(&page, "ada").await;
    let answer = agent.decide(&page, "allow").await.expect_answer();
    assert_eq!(answer.get("state"), state.secret());
    let code = AuthorizationCode::new(answer.get("code").to_owned());
    let exchange = library.exchange_code(code).expect("a token endpoint");
    let tokens = exchange.set_pkce_verifier(verifier).request_async(http).await.expect("tokens");
    let id_token = tokens.id_token().expect("an ID token");
    let checker = library.id_token_verifier();
    let claims = id_token.claims(&checker, &nonce).expect("the ID token verifies");
    let algorithm = id_token.signing_alg().expect("an algorithm").clone();
    let key = id_token.signing_key(&checker).expect("a published key");
    let hash = AccessTokenHash::from_token(tokens.access_token(), &algorithm, key);
    assert_eq!(claims.access_token_hash(), Some(&hash.expect("a hash")));
    let subject = claims.subject().to_string();
    Done { tokens, nonce, algorithm, subject }
}

/// Discovery, PKCE, ID token, userinfo, refresh and sign-out.
async fn whole_flow(server: &TestServer, alg: &str) {
    let ada = server.user("ada").await;
    let (library, http) = library(server, alg).await;
    let agent = Agent::new(server);
    let done = sign_in(&library, &http, &agent).await;
    assert_eq!(format!("{:?}", done.algorithm), format!("{:?}", expected(alg)));
    assert_eq!(done.subject, ada.user.id);

    let access = done.tokens.access_token().clone();
    let about: UserInfoClaims<EmptyAdditionalClaims, CoreGenderClaim> = library
        .user_info(access, None)
        .expect("a userinfo endpoint")
        .request_async(&http)
        .await
        .expect("claims");
    assert_eq!(about.subject().as_str(), ada.user.id);
    assert_eq!(about.email().map(|email| email.as_str()), Some("ada@example.org"));

    let refresh_token = done.tokens.refresh_token().expect("a refresh token");
    let exchange = library.exchange_refresh_token(refresh_token).expect("a token endpoint");
    let renewed = exchange.request_async(&http).await.expect("new tokens");
    assert_ne!(renewed.access_token().secret(), done.tokens.access_token().secret());
    let id_token = renewed.id_token().expect("an ID token");
    let claims = id_token.claims(&library.id_token_verifier(), |_: Option<&Nonce>| Ok(()));
    assert_eq!(claims.expect("it verifies").subject().as_str(), ada.user.id);

    sign_out(server, &agent, &done).await;
}

async fn sign_out(server: &TestServer, agent: &Agent, done: &Done) {
    let endpoint = server.url("/logout").parse().map(openidconnect::EndSessionUrl::from_url);
    let back = PostLogoutRedirectUrl::new("https://app.example/out".into()).expect("an address");
    let url = LogoutRequest::from(endpoint.expect("an address"))
        .set_id_token_hint(done.tokens.id_token().expect("an ID token"))
        .set_post_logout_redirect_uri(back)
        .set_state(CsrfToken::new(done.nonce.secret().clone()))
        .http_get_url();
    let page = agent.open(url.as_str()).await;
    let answer = page.expect_answer();
    assert_eq!(answer.to, "https://app.example/out");
    assert_eq!(answer.params, [("state".to_owned(), done.nonce.secret().clone())]);
    agent.open("/login").await.expect_login();
}

fn expected(alg: &str) -> CoreJwsSigningAlgorithm {
    match alg {
        "RS256" => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        "PS256" => CoreJwsSigningAlgorithm::RsaSsaPssSha256,
        "ES256" => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        _ => CoreJwsSigningAlgorithm::EdDsa,
    }
}

both! {
    async fn the_whole_flow_holds_with_rs256(server: TestServer) {
        whole_flow(&server, "RS256").await;
    }

    async fn the_whole_flow_holds_with_es256(server: TestServer) {
        whole_flow(&server, "ES256").await;
    }

    async fn the_whole_flow_holds_with_ps256(server: TestServer) {
        whole_flow(&server, "PS256").await;
    }

    async fn the_whole_flow_holds_with_eddsa(server: TestServer) {
        whole_flow(&server, "EdDSA").await;
    }
}

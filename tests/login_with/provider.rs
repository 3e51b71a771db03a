//! A provider of a few lines: one person, who is always signed in.

use actix_web::{App, HttpResponse, HttpServer, web};
use countersign::jose::{SigningAlgorithm, SigningKey, Typ};
use countersign::protocol::time::{Clock, SystemClock};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

pub const AUDIENCE: &str = "https://orders.example.com";
pub const CLIENT_ID: &str = "shop";

/// What the provider does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misdeed {
    None,
    OtherState,
    OtherIssuer,
    NoIssuer,
    OtherNonce,
    Denied,
    NarrowScope,
    /// The access token that a code gives is past its time.
    LateToken,
    /// As after a block: nothing is renewed.
    NoRefresh,
}

pub struct Provider {
    pub issuer: String,
    state: Arc<State>,
}

struct State {
    issuer: String,
    key: SigningKey,
    misdeed: Mutex<Misdeed>,
    nonce: Mutex<String>,
    logout_query: Mutex<String>,
}

type Query = web::Query<HashMap<String, String>>;

impl Provider {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            issuer: issuer.clone(),
            key: SigningKey::generate(SigningAlgorithm::ES256).unwrap(),
            misdeed: Mutex::new(Misdeed::None),
            nonce: Mutex::default(),
            logout_query: Mutex::default(),
        });
        let data = web::Data::from(state.clone());
        let app = move || {
            App::new()
                .app_data(data.clone())
                .route("/.well-known/openid-configuration", web::get().to(discovery))
                .route("/jwks", web::get().to(jwks))
                .route("/authorize", web::get().to(authorize))
                .route("/token", web::post().to(token))
                .route("/userinfo", web::get().to(userinfo))
                .route("/logout", web::get().to(logout))
        };
        actix_web::rt::spawn(HttpServer::new(app).workers(1).listen(listener).unwrap().run());
        Self { issuer, state }
    }

    pub fn misbehave(&self, misdeed: Misdeed) {
        *self.state.misdeed.lock().unwrap() = misdeed;
    }

    /// The query of the last sign-out.
    pub fn logout_query(&self) -> String {
        self.state.logout_query.lock().unwrap().clone()
    }
}

impl State {
    fn does(&self, misdeed: Misdeed) -> bool {
        *self.misdeed.lock().unwrap() == misdeed
    }
}

async fn discovery(state: web::Data<State>) -> HttpResponse {
    let issuer = &state.issuer;
    HttpResponse::Ok().json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn jwks(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "keys": [state.key.public_jwk()] }))
}

async fn authorize(state: web::Data<State>, query: Query) -> HttpResponse {
    for (name, value) in [("response_type", "code"), ("code_challenge_method", "S256")] {
        assert_eq!(query[name], value);
    }
    assert!(query["scope"].split(' ').any(|one| one == "openid"));
    assert_eq!(query["prompt"], "consent");
    *state.nonce.lock().unwrap() = query["nonce"].clone();
    let mut url = url::Url::parse(&query["redirect_uri"]).unwrap();
    let mut answer = url.query_pairs_mut();
    match state.does(Misdeed::Denied) {
        true => answer.append_pair("error", "access_denied"),
        false => answer.append_pair("code", "c1"),
    };
    match state.does(Misdeed::OtherState) {
        true => answer.append_pair("state", "another"),
        false => answer.append_pair("state", &query["state"]),
    };
    if state.does(Misdeed::OtherIssuer) {
        answer.append_pair("iss", "https://evil.example.com");
    } else if !state.does(Misdeed::NoIssuer) {
        answer.append_pair("iss", &state.issuer);
    }
    drop(answer);
    HttpResponse::SeeOther().insert_header(("Location", url.as_str())).finish()
}

async fn token(state: web::Data<State>, form: web::Form<HashMap<String, String>>) -> HttpResponse {
    let first = form["grant_type"] == "authorization_code";
    if first {
        assert_eq!(form["code"], "c1");
        assert!(form["code_verifier"].len() >= 43);
    }
    if !first && state.does(Misdeed::NoRefresh) {
        return HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" }));
    }
    let now = SystemClock.now().as_unix();
    let late = if first && state.does(Misdeed::LateToken) { 900 } else { 0 };
    let scope = match state.does(Misdeed::NarrowScope) {
        true => "openid orders:read",
        false => "openid orders:read orders:write",
    };
    let access = json!({
        "iss": state.issuer, "aud": AUDIENCE, "sub": "ada", "client_id": CLIENT_ID, "jti": "j1",
        "iat": now - late, "exp": now - late + 300, "scope": scope,
    });
    let nonce = match state.does(Misdeed::OtherNonce) {
        true => "another".to_owned(),
        false => state.nonce.lock().unwrap().clone(),
    };
    let id = json!({
        "iss": state.issuer, "aud": CLIENT_ID, "sub": "ada", "iat": now, "exp": now + 300,
        "nonce": nonce,
    });
    let mut tokens = json!({
        "access_token": state.key.sign(Typ::AccessToken, &access).unwrap(),
        "token_type": "Bearer", "expires_in": 300, "refresh_token": "r1",
    });
    if first {
        tokens["id_token"] = Value::String(state.key.sign(Typ::IdToken, &id).unwrap());
    }
    HttpResponse::Ok().json(tokens)
}

async fn userinfo() -> HttpResponse {
    let person = json!({ "sub": "ada", "name": "Ada <b>", "email": "ada@example.com" });
    HttpResponse::Ok().json(person)
}

async fn logout(
    state: web::Data<State>,
    query: Query,
    request: actix_web::HttpRequest,
) -> HttpResponse {
    *state.logout_query.lock().unwrap() = request.query_string().to_owned();
    let back = query["post_logout_redirect_uri"].as_str();
    HttpResponse::SeeOther().insert_header(("Location", back)).finish()
}

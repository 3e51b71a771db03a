//! Mutual TLS (RFC 8705): clients that show a certificate, and tokens that are bound to it.

use crate::support::certificates::{
    Issued, Mutual, SAN_DNS, SAN_EMAIL, SAN_IP, SAN_URI, SUBJECT, stranger,
};
use crate::support::crypto::claims;
use crate::support::dpop::Prover;
use crate::support::{Code, Reply, Store, TestServer, WebApp};
use countersign::domain::clients::management::ClientDraft;
use countersign::protocol::client::{AuthMethod, GrantType};
use serde_json::{Value, json};

const FORM: [(&str, &str); 1] = [("grant_type", "client_credentials")];

/// As `both!`, for tests that need a server with a listener for certificates.
macro_rules! both_mutual {
    ($($(#[$meta:meta])* async fn $name:ident($mutual:ident) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn rule($mutual: Mutual) $body

            #[tokio::test]
            async fn on_sqlite() {
                rule(Mutual::start_on(Store::Sqlite).await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                rule(Mutual::start_on(Store::Postgres).await).await;
            }
        }
    )+};
}

/// A service that authenticates by a certificate with one of its names.
fn by_name(member: &'static str, value: &'static str) -> impl FnOnce(&mut ClientDraft) {
    move |draft| {
        service(AuthMethod::TlsClientAuth)(draft);
        for (name, place) in draft.metadata.sender.names_mut() {
            if name == member {
                *place = Some(value.to_owned());
            }
        }
    }
}

fn service(method: AuthMethod) -> impl FnOnce(&mut ClientDraft) {
    move |draft| {
        draft.metadata.grant_types = vec![GrantType::ClientCredentials];
        draft.metadata.redirect_uris.clear();
        draft.metadata.token_endpoint_auth_method = method;
    }
}

/// A web app with a secret or none whose tokens are bound to a certificate.
fn bound(method: AuthMethod) -> impl FnOnce(&mut ClientDraft) {
    move |draft| {
        draft.metadata.token_endpoint_auth_method = method;
        draft.metadata.sender.tls_client_certificate_bound_access_tokens = true;
    }
}

/// The app as it comes in by the listener for certificates, with one or without.
fn at(mutual: &Mutual, app: &WebApp, shown: Option<&Issued>) -> WebApp {
    let http = shown.map_or_else(stranger, Issued::http);
    WebApp { http, base: mutual.url.clone(), ..app.clone() }
}

async fn token(mutual: &Mutual, app: &WebApp, shown: Option<&Issued>) -> Reply {
    at(mutual, app, shown).token(&FORM).await
}

/// A code of Ada's.
async fn code(app: &WebApp) -> Code {
    app.log_in_and_consent("ada", "openid offline_access").await
}

both_mutual! {
    async fn t1_a_certificate_with_the_registered_name_is_tls_client_auth(mutual) {
        let shown = Issued::client(Some(&mutual.authority));
        for (member, value) in [
            ("tls_client_auth_subject_dn", SUBJECT),
            ("tls_client_auth_san_dns", SAN_DNS),
            ("tls_client_auth_san_uri", SAN_URI),
            ("tls_client_auth_san_ip", SAN_IP),
            ("tls_client_auth_san_email", SAN_EMAIL),
        ] {
            let app = WebApp::register_as(&mutual.server, by_name(member, value)).await;
            token(&mutual, &app, Some(&shown)).await.expect_tokens();
            let other = Issued::named("another", Some(&mutual.authority));
            token(&mutual, &app, Some(&other)).await.expect(401, "invalid_client");
        }
    }

    async fn ca_18_a_certificate_that_proves_nothing_is_invalid_client(mutual) {
        let member = "tls_client_auth_subject_dn";
        let app = WebApp::register_as(&mutual.server, by_name(member, SUBJECT)).await;
        let good = Issued::client(Some(&mutual.authority));
        let by_other = Issued::client(Some(&Issued::authority("Authority")));
        let self_signed = Issued::client(None);
        for shown in [None, Some(&by_other), Some(&self_signed)] {
            token(&mutual, &app, shown).await.expect(401, "invalid_client");
        }
        // Where no certificate is asked for, none proves anything; nor does a header of a stranger.
        app.token(&FORM).await.expect(401, "invalid_client");
        let header = format!(":{}:", good.base64());
        for name in ["client-cert", "x-client-cert", "x-ssl-client-cert"] {
            let reply = app.call_with("/token", &FORM, &[(name, &header)]).await;
            reply.expect(401, "invalid_client");
        }
        let secret = WebApp { method: AuthMethod::ClientSecretBasic, secret: "x".into(), ..app.clone() };
        at(&mutual, &secret, Some(&good)).token(&FORM).await.expect(401, "invalid_client");
        token(&mutual, &app, Some(&good)).await.expect_tokens();
        mutual.server.clock.advance_seconds(3700);
        token(&mutual, &app, Some(&good)).await.expect(401, "invalid_client");
    }

    async fn ca_03_a_certificate_does_not_stand_in_for_another_method(mutual) {
        let shown = Issued::client(Some(&mutual.authority));
        let app = WebApp::register_as(&mutual.server, service(AuthMethod::ClientSecretBasic)).await;
        let without = WebApp { method: AuthMethod::TlsClientAuth, ..app };
        token(&mutual, &without, Some(&shown)).await.expect(401, "invalid_client");
    }

    async fn t1_a_certificate_of_its_own_is_self_signed_tls_client_auth(mutual) {
        let (own, other) = (Issued::client(None), Issued::client(None));
        let with_x5c = |issued: &Issued| {
            let mut jwk = issued.jwk();
            jwk["x5c"] = json!([issued.base64()]);
            jwk
        };
        for jwk in [own.jwk(), with_x5c(&own)] {
            let app = WebApp::register_as(&mutual.server, |draft| {
                service(AuthMethod::SelfSignedTlsClientAuth)(draft);
                draft.metadata.jwks = Some(json!({ "keys": [jwk] }));
            })
            .await;
            token(&mutual, &app, Some(&own)).await.expect_tokens();
            token(&mutual, &app, Some(&other)).await.expect(401, "invalid_client");
            token(&mutual, &app, None).await.expect(401, "invalid_client");
            let vouched = Issued::client(Some(&mutual.authority));
            token(&mutual, &app, Some(&vouched)).await.expect(401, "invalid_client");
        }
        mutual.server.clock.advance_seconds(3700);
        let app = WebApp::register_as(&mutual.server, |draft| {
            service(AuthMethod::SelfSignedTlsClientAuth)(draft);
            draft.metadata.jwks = Some(json!({ "keys": [own.jwk()] }));
        })
        .await;
        token(&mutual, &app, Some(&own)).await.expect(401, "invalid_client");
    }

    async fn mt_01_s17_a_bound_token_is_good_with_its_certificate_alone(mutual) {
        mutual.server.user("ada").await;
        let method = AuthMethod::ClientSecretBasic;
        let app = WebApp::register_as(&mutual.server, bound(method)).await;
        let (own, other) = (Issued::client(None), Issued::client(None));
        let reply = at(&mutual, &app, Some(&own)).redeem(&code(&app).await).await;
        let access = reply.expect_tokens().access_token;
        assert_eq!(claims(&access)["cnf"], json!({ "x5t#S256": own.thumbprint() }));
        let answer = app.introspect(&access).await;
        assert_eq!(answer["cnf"], json!({ "x5t#S256": own.thumbprint() }));
        assert_eq!(answer["token_type"], "Bearer");
        let shown = at(&mutual, &app, Some(&own)).userinfo(&access).await;
        assert_eq!(shown.status, 200, "{}", shown.text);
        for without in [at(&mutual, &app, Some(&other)), at(&mutual, &app, None), app.clone()] {
            let reply = without.userinfo(&access).await;
            reply.expect(401, "invalid_token");
            assert!(reply.header("www-authenticate").starts_with("Bearer"));
        }
    }

    async fn c4_what_somebody_allows_elsewhere_is_bound_to_the_certificate(mutual) {
        mutual.server.user("ada").await;
        let app = WebApp::register_as(&mutual.server, |draft| {
            crate::support::ciba::bank(draft);
            draft.metadata.sender.tls_client_certificate_bound_access_tokens = true;
        })
        .await;
        let (own, other) = (Issued::client(None), Issued::client(None));
        let shown = at(&mutual, &app, Some(&own));
        let id = shown.asked("ada", &[]).await;
        app.allow("ada").await;
        app.fetch(&id).await.expect(400, "invalid_request");
        at(&mutual, &app, None).fetch(&id).await.expect(400, "invalid_request");
        let access = shown.fetch(&id).await.expect_tokens().access_token;
        assert_eq!(claims(&access)["cnf"], json!({ "x5t#S256": own.thumbprint() }));
        assert_eq!(shown.userinfo(&access).await.status, 200);
        for without in [at(&mutual, &app, Some(&other)), app.clone()] {
            without.userinfo(&access).await.expect(401, "invalid_token");
        }
        let aliases = app.metadata().await["mtls_endpoint_aliases"].clone();
        let endpoint = format!("{}/backchannel_authentication", mutual.url);
        assert_eq!(aliases["backchannel_authentication_endpoint"], endpoint);
    }

    async fn s14_a_client_whose_tokens_must_be_bound_shows_a_certificate_always(mutual) {
        mutual.server.user("ada").await;
        let method = AuthMethod::ClientSecretBasic;
        let app = WebApp::register_as(&mutual.server, bound(method)).await;
        let code = code(&app).await;
        app.redeem(&code).await.expect(400, "invalid_request");
        at(&mutual, &app, None).redeem(&code).await.expect(400, "invalid_request");
        let (first, second) = (Issued::client(None), Issued::client(None));
        let tokens = at(&mutual, &app, Some(&first)).redeem(&code).await.expect_tokens();
        app.refresh(&tokens.refresh_token).await.expect(400, "invalid_request");
        // Who proves who it is may come with a renewed certificate.
        let refreshed = at(&mutual, &app, Some(&second)).refresh(&tokens.refresh_token).await;
        let access = refreshed.expect_tokens().access_token;
        assert_eq!(claims(&access)["cnf"]["x5t#S256"], second.thumbprint());
    }

    async fn rt_01_the_refresh_token_of_a_public_client_is_bound_to_its_certificate(mutual) {
        mutual.server.user("ada").await;
        let app = WebApp::register_as(&mutual.server, bound(AuthMethod::None)).await;
        let (own, other) = (Issued::client(None), Issued::client(None));
        let reply = at(&mutual, &app, Some(&own)).redeem(&code(&app).await).await;
        let refresh = reply.expect_tokens().refresh_token;
        let refused = at(&mutual, &app, Some(&other)).refresh(&refresh).await;
        refused.expect(400, "invalid_grant");
        at(&mutual, &app, None).refresh(&refresh).await.expect(400, "invalid_request");
        at(&mutual, &app, Some(&own)).refresh(&refresh).await.expect_tokens();
    }

    async fn s2_the_metadata_name_the_other_addresses(mutual) {
        let url = mutual.server.url("/.well-known/openid-configuration");
        let text = reqwest::get(url).await.expect("an answer").text().await.expect("text");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
        let aliases = document["mtls_endpoint_aliases"].as_object().expect("an object");
        for (name, alias) in aliases {
            let usual = document[name].as_str().expect("the usual address");
            let path = usual.trim_start_matches(mutual.server.issuer());
            assert_eq!(*alias, format!("{}{path}", mutual.url));
        }
        for name in ["token_endpoint", "userinfo_endpoint", "pushed_authorization_request_endpoint"] {
            assert!(aliases.contains_key(name), "{name}");
        }
        let methods = document["token_endpoint_auth_methods_supported"].as_array().expect("methods");
        for method in ["tls_client_auth", "self_signed_tls_client_auth"] {
            assert!(methods.contains(&json!(method)), "{method}");
        }
    }

    async fn dp_04_a_proof_may_name_the_other_address(mutual) {
        let app = WebApp::register_as(&mutual.server, service(AuthMethod::ClientSecretBasic)).await;
        let app = at(&mutual, &app, None);
        let prover = Prover::new();
        let htu = json!({ "htu": format!("{}/token", mutual.url) });
        let proof = prover.sign(&Prover::claims(&mutual.server, "POST", "/token", &htu));
        app.token_with(&FORM, &[&proof]).await.expect_dpop();
    }

    async fn no_page_is_served_where_certificates_are_asked_for(mutual) {
        for path in ["/login", "/authorize", "/", "/admin", "/consent"] {
            let url = format!("{}{path}", mutual.url);
            let answer = stranger().get(url).send().await.expect("an answer");
            assert_eq!(answer.status().as_u16(), 404, "{path}");
        }
    }
}

/// The certificate as a proxy hands it on, in a header.
async fn with_proxy(format: &str, store: Store) -> Mutual {
    let format = serde_json::from_value(json!(format)).expect("a format");
    Mutual::with_on(store, |config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
        config.mtls.listen = None;
        config.mtls.certificate_header = Some("Client-Cert".into());
        config.mtls.certificate_header_format = format;
    })
    .await
}

async fn handed_on(store: Store) {
    for (format, write) in [
        ("rfc9440", (|issued: &Issued| format!(":{}:", issued.base64())) as fn(&Issued) -> String),
        ("pem", |issued: &Issued| {
            let pem = issued.pem();
            let escaped: String = url::form_urlencoded::byte_serialize(&pem).collect();
            escaped.replace('+', "%20")
        }),
    ] {
        let mutual = with_proxy(format, store).await;
        let member = "tls_client_auth_san_dns";
        let app = WebApp::register_as(&mutual.server, by_name(member, SAN_DNS)).await;
        let good = write(&Issued::client(Some(&mutual.authority)));
        let send = async |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| ("client-cert", *value)).collect();
            app.call_with("/token", &FORM, &headers).await
        };
        send(&[&good]).await.expect_tokens();
        let foreign = write(&Issued::client(Some(&Issued::authority("Authority"))));
        for values in [&[][..], &["nonsense"], &[""], &["::"], &[&foreign], &[&good, &good]] {
            send(values).await.expect(401, "invalid_client");
        }
    }
}

mod ca_18_ht_08_a_trusted_proxy_hands_the_certificate_on {
    use super::*;

    #[tokio::test]
    async fn on_sqlite() {
        handed_on(Store::Sqlite).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        handed_on(Store::Postgres).await;
    }
}

/// Whether a handshake succeeds, on a thread that may block.
async fn shakes(
    mutual: &Mutual,
    change: impl FnOnce(&mut openssl::ssl::SslConnectorBuilder) + Send + 'static,
) -> Option<String> {
    let address = mutual.url.trim_start_matches("https://localhost").to_owned();
    let shake = move || {
        use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
        let mut builder = SslConnector::builder(SslMethod::tls_client()).ok()?;
        builder.set_verify(SslVerifyMode::NONE);
        change(&mut builder);
        let stream = std::net::TcpStream::connect(format!("127.0.0.1{address}")).ok()?;
        let stream = builder.build().connect("localhost", stream).ok()?;
        let name = stream.ssl().current_cipher()?.name().to_owned();
        Some(format!("{} {name}", stream.ssl().version_str()))
    };
    tokio::task::spawn_blocking(shake).await.expect("it runs")
}

#[tokio::test]
async fn s1_ht_13_tls_is_1_3_or_1_2_with_good_suites() {
    use openssl::ssl::SslVersion;
    let mutual = Mutual::start_on(Store::Sqlite).await;
    let best = shakes(&mutual, |_| {}).await.expect("a handshake");
    assert!(best.starts_with("TLSv1.3"), "{best}");
    let only = |version: SslVersion, suites: &'static str| {
        move |builder: &mut openssl::ssl::SslConnectorBuilder| {
            builder.set_max_proto_version(Some(version)).expect("a version");
            builder.set_min_proto_version(Some(version)).expect("a version");
            builder.set_cipher_list(suites).expect("suites");
        }
    };
    let older = shakes(&mutual, only(SslVersion::TLS1_2, "ALL")).await.expect("a handshake");
    assert!(older.contains("ECDHE") && older.contains("GCM"), "{older}");
    for (version, suites) in [
        (SslVersion::TLS1_2, "AES128-GCM-SHA256:AES256-GCM-SHA384"),
        (SslVersion::TLS1_2, "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384"),
        (SslVersion::TLS1_1, "ALL:@SECLEVEL=0"),
        (SslVersion::TLS1, "ALL:@SECLEVEL=0"),
    ] {
        assert_eq!(shakes(&mutual, only(version, suites)).await, None, "{suites}");
    }
}

#[tokio::test]
async fn mt_02_a_certificate_that_is_too_large_does_no_harm() {
    let server = TestServer::with(|config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
        config.mtls.certificate_header = Some("Client-Cert".into());
    })
    .await;
    let app = WebApp::register_as(&server, service(AuthMethod::ClientSecretBasic)).await;
    let large = format!(":{}:", "A".repeat(15_000));
    app.call_with("/token", &FORM, &[("client-cert", &large)]).await.expect_tokens();
    let larger = format!(":{}:", "A".repeat(40_000));
    let reply = app.call_with("/token", &FORM, &[("client-cert", &larger)]).await;
    assert!(matches!(reply.status, 400 | 431), "{}", reply.status);
    app.token(&FORM).await.expect_tokens();
}

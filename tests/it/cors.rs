//! Which scripts may read which answers (Fetch, CORS protocol).

use crate::support::{Reply, TestServer, WebApp, both};

const OWN: &str = "https://app.example";
const FOREIGN: &str = "https://evil.example";

async fn userinfo(app: &WebApp, token: &str, origin: &str) -> Reply {
    let request = app.http.get(format!("{}/userinfo", app.base)).header("Origin", origin);
    let request = if token.is_empty() { request } else { request.bearer_auth(token) };
    Reply::read(request.send().await.expect("the server answers")).await
}

async fn post(app: &WebApp, path: &str, origin: &str, form: &[(&str, &str)]) -> Reply {
    let request = app.http.post(format!("{}{path}", app.base)).header("Origin", origin);
    let request = request.basic_auth(&app.id, Some(&app.secret)).form(form);
    Reply::read(request.send().await.expect("the server answers")).await
}

/// The origin that may read an answer; empty when none may.
fn reader(reply: &Reply) -> &str {
    assert!(reply.headers.get("access-control-allow-credentials").is_none());
    reply.header("access-control-allow-origin")
}

both! {
    async fn an_app_may_read_why_its_token_is_refused(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let token = app.tokens("ada", "openid").await.access_token;
        let good = userinfo(&app, &token, OWN).await;
        assert_eq!((good.status, reader(&good)), (200, OWN));
        app.revoke(&token).await;
        for bad in [token.as_str(), "nonsense", ""] {
            let refused = userinfo(&app, bad, OWN).await;
            assert_eq!((refused.status, reader(&refused)), (401, OWN), "{bad}");
            let exposed = refused.header("access-control-expose-headers");
            assert!(exposed.contains("www-authenticate"), "{exposed}");
            let foreign = userinfo(&app, bad, FOREIGN).await;
            assert_eq!((foreign.status, reader(&foreign)), (401, ""), "{bad}");
        }
    }

    async fn what_depends_on_the_origin_says_so_once(server: TestServer) {
        let app = WebApp::register(&server).await;
        let preflight = |path: &str| {
            app.http
                .request(reqwest::Method::OPTIONS, server.url(path))
                .header("Origin", OWN)
                .header("Access-Control-Request-Method", "POST")
        };
        for path in ["/token", "/revoke", "/userinfo"] {
            let reply = Reply::read(preflight(path).send().await.expect("an answer")).await;
            assert_eq!((reply.status, reader(&reply)), (204, OWN), "{path}");
            let vary: Vec<_> = reply.headers.get_all("vary").iter().collect();
            assert_eq!(vary, ["Origin"], "{path}");
        }
        let refused = post(&app, "/token", OWN, &[("grant_type", "nonsense")]).await;
        assert_eq!(refused.headers.get_all("vary").iter().count(), 1);
    }

    async fn no_script_reads_an_introspection(server: TestServer) {
        server.user("ada").await;
        let app = WebApp::register(&server).await;
        let token = app.tokens("ada", "openid").await.access_token;
        for origin in [OWN, FOREIGN] {
            let reply = post(&app, "/introspect", origin, &[("token", &token)]).await;
            assert_eq!((reply.status, reader(&reply)), (200, ""));
            let wrong = WebApp { secret: "wrong".into(), ..app.clone() };
            let reply = post(&wrong, "/introspect", origin, &[("token", &token)]).await;
            assert_eq!((reply.status, reader(&reply)), (401, ""));
        }
        let preflight = app.http.request(reqwest::Method::OPTIONS, server.url("/introspect"));
        let preflight = preflight
            .header("Origin", OWN)
            .header("Access-Control-Request-Method", "POST");
        let preflight = Reply::read(preflight.send().await.expect("an answer")).await;
        assert_eq!((preflight.status, reader(&preflight)), (405, ""));
    }
}

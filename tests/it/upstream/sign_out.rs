//! A sign-out there ends what began there (OpenID Connect Back-Channel Logout 1.0 §2.6).

use super::{Two, both_of_two, is_signed_in};
use crate::support::crypto::{key, sign};
use crate::support::{Agent, Store};
use countersign::jose::{SigningAlgorithm, Typ};
use serde_json::json;

both_of_two! { |_| {};
    async fn l7_a_sign_out_there_ends_the_session_here_and_that_alone(two: Two) {
        two.here.user("ada").await;
        let there = two.there.user("ada").await;
        let agent = Agent::new(&two.here);
        two.link(&agent, "ada", "ada").await;
        let by_password = Agent::new(&two.here);
        by_password.sign_in("ada").await;
        assert!(is_signed_in(&agent).await && is_signed_in(&by_password).await);
        // A block there ends every session there, and so the one here that hung on it.
        two.there.block(&there).await;
        for _ in 0..100 {
            if !is_signed_in(&agent).await {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(!is_signed_in(&agent).await);
        assert!(is_signed_in(&by_password).await);
    }

    async fn l7_only_a_logout_token_of_the_provider_signs_anybody_out(two: Two) {
        two.here.user("ada").await;
        let there = two.there.user("ada").await;
        let agent = Agent::new(&two.here);
        two.link(&agent, "ada", "ada").await;
        let now = two.here.provider.now().as_unix();
        let event = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
        let good = json!({
            "iss": two.there.issuer(), "aud": two.client.id, "iat": now, "exp": now + 60,
            "jti": "one", "sub": there.user.id, "events": event,
        });
        let with = |name: &str, value: serde_json::Value| {
            let mut changed = good.clone();
            changed[name] = value;
            changed
        };
        let keys = two.there.provider.keys.current();
        let own = keys.signing(SigningAlgorithm::RS256).expect("a key");
        let post = async |token: &str| {
            let form = [("logout_token", token)];
            agent.post("/login/upstream/other/backchannel-logout", &form).await.status
        };
        let signed = |typ: Typ, claims: &serde_json::Value| own.sign(typ, claims).expect("signed");
        let mut without_subject = good.clone();
        without_subject.as_object_mut().expect("an object").remove("sub");
        let mut without_jti = good.clone();
        without_jti.as_object_mut().expect("an object").remove("jti");
        for refused in [
            sign(&key(SigningAlgorithm::RS256), Typ::LogoutToken, &good),
            signed(Typ::AccessToken, &good),
            signed(Typ::LogoutToken, &with("iss", json!("https://evil.example"))),
            signed(Typ::LogoutToken, &with("aud", json!("another"))),
            signed(Typ::LogoutToken, &with("nonce", json!("n"))),
            signed(Typ::LogoutToken, &with("events", json!({}))),
            signed(Typ::LogoutToken, &with("events", json!("x"))),
            signed(Typ::LogoutToken, &with("iat", json!(now - 3600))),
            signed(Typ::LogoutToken, &with("exp", json!(now - 120))),
            signed(Typ::LogoutToken, &without_subject),
            signed(Typ::LogoutToken, &without_jti),
            "x".to_owned(),
            String::new(),
        ] {
            assert_eq!(post(&refused).await, 400, "{refused}");
        }
        assert!(is_signed_in(&agent).await);
        let token = signed(Typ::LogoutToken, &good);
        assert_eq!(post(&token).await, 200);
        assert!(!is_signed_in(&agent).await);
        assert_eq!(post(&token).await, 400, "a token is taken once");
    }
}

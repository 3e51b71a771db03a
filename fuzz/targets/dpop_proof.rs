//! DPoP proofs with a good signature over any header and any claims, and raw ones.
#![no_main]

use countersign::jose::dpop::{Proof, Target};
use countersign::jose::{DpopNonces, PublicJwk, Sealer};
use countersign::protocol::time::Timestamp;
use countersign_fuzz::{forge, key, part};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const NOW: Timestamp = Timestamp::from_unix(1_763_765_000);
const ACCESS_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
/// Of the token above (RFC 9449 §4.3 has both).
const ATH: &str = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";

static URIS: LazyLock<Vec<String>> =
    LazyLock::new(|| vec!["https://id.example/token".to_owned(), "https://m.example/t".to_owned()]);
static NONCES: LazyLock<DpopNonces> =
    LazyLock::new(|| DpopNonces::new(Sealer::new(&[1; 32]).purpose("fuzz")));

fuzz_target!(|data: &[u8]| {
    let [choice, rest @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let access_token = (choice & 0x80 != 0).then_some(ACCESS_TOKEN);
    let target = Target { method: "POST", uris: &URIS, access_token };
    let _ = Proof::read(text, &target);
    let _ = NONCES.accepts(text, NOW);
    let signer = key(*choice & 0x7F);
    let Some(token) = forge(text, signer) else { return };
    let Ok(proof) = Proof::read(&token, &target) else { return };

    let (header, claims) = (part(&token, 0), part(&token, 1));
    let jwk = PublicJwk::from_value(&signer.public_jwk()).expect("our own key is good");
    assert_eq!(proof.jkt, jwk.thumbprint());
    assert!(["ES256", "PS256", "EdDSA"].contains(&header["alg"].as_str().unwrap_or_default()));
    assert!(header["jwk"].is_object() && header["jwk"].get("d").is_none());
    assert_eq!(claims["htm"], "POST");
    assert!(claims["jti"].as_str().is_some_and(|jti| !jti.is_empty()));
    assert!(access_token.is_none() || claims["ath"] == ATH);
    let htu = claims["htu"].as_str().expect("a proof names its address");
    let named = url::Url::parse(htu).expect("an address");
    let meant = URIS.iter().any(|uri| {
        let uri = url::Url::parse(uri).expect("ours are addresses");
        uri.origin() == named.origin()
    });
    assert!(meant, "{htu}");
    let again = Proof::read(&token, &target).expect("the same proof");
    assert_eq!(proof.replay_key(), again.replay_key());
    if proof.check_age(NOW).is_ok() {
        let issued = claims["iat"].as_i64().expect("a proof says when it was made");
        assert!((issued - NOW.as_unix()).abs() <= 300);
        assert!(proof.remember_until(NOW).as_unix() >= issued + 300);
    }
});

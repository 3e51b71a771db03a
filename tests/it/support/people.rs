//! Somebody of whom everything is known.

use countersign::domain::identity::users::NewUser;
use serde_json::{Map, Value, json};

/// What OpenID Connect Core §5.1 knows, but for what the account has fields for.
pub fn every_claim() -> Map<String, Value> {
    let claims = json!({
        "given_name": "Ada", "family_name": "Lovelace", "middle_name": "King",
        "nickname": "Countess", "profile": "https://ada.example/me",
        "picture": "https://ada.example/me.png", "website": "https://ada.example/",
        "gender": "female", "birthdate": "1815-12-10", "zoneinfo": "Europe/London",
        "locale": "en-GB", "phone_number": "+44 20 7946 0000", "phone_number_verified": true,
        "address": {
            "formatted": "12 St James's Square\nLondon", "street_address": "12 St James's Square",
            "locality": "London", "region": "Greater London", "postal_code": "SW1Y 4JH",
            "country": "GB",
        },
    });
    claims.as_object().cloned().expect("an object")
}

/// Somebody of whom everything is known.
pub fn complete(new: &mut NewUser) {
    new.name = Some("Ada Lovelace".into());
    new.claims = every_claim();
}

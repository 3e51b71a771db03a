//! A place that wants a fresher or a better sign-in.
#![allow(dead_code, reason = "it is there to be read, and to compile")]

// DOCUMENTED
use actix_web::web;
use countersign::verifier::{AccessToken, Lifetime, RequiredAuthentication, Verifier, VerifyError};

async fn transfer(
    caller: AccessToken,
    verifier: web::Data<Verifier>,
) -> Result<String, VerifyError> {
    let needed = RequiredAuthentication::default().acr("2").max_age(Lifetime::minutes(5));
    verifier.require_authentication(&caller, &needed)?;
    Ok("done".into())
}
// END

//! A place that is open, and says who it knows.

// DOCUMENTED
use countersign::verifier::{AccessToken, Refusal, VerifyError};

pub async fn offers(caller: Result<AccessToken, Refusal>) -> Result<String, Refusal> {
    match caller {
        Ok(caller) => Ok(format!("offers for {}", caller.subject)),
        Err(refusal) if refusal.error == VerifyError::Missing => Ok("offers for everybody".into()),
        Err(refusal) => Err(refusal),
    }
}
// END

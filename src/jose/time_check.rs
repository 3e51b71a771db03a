//! The times of a token against the present (RFC 7519 §4.1.4 to §4.1.6).

use super::claims::Claims;
use super::error::JoseError;
use crate::protocol::time::Timestamp;

/// The present, and how far clocks may be apart.
#[derive(Debug, Clone, Copy)]
pub struct TimeCheck {
    /// The present moment.
    pub now: Timestamp,
    /// How many seconds other clocks may be off.
    pub leeway_seconds: u32,
}

impl TimeCheck {
    /// `exp` must be there and not be past; gives it.
    ///
    /// # Errors
    ///
    /// `Claim` when it is missing, not a time, or past.
    pub fn require_exp(&self, claims: &Claims) -> Result<Timestamp, JoseError> {
        let exp = claims.required_time("exp")?;
        if self.now.seconds_since(exp) >= self.leeway() {
            return Err(JoseError::Claim { name: "exp", problem: "is past" });
        }
        Ok(exp)
    }

    /// As [`TimeCheck::require_exp`], and at most so many seconds ahead: who remembers a `jti`
    /// until then must not have to do so for years.
    ///
    /// # Errors
    ///
    /// As [`TimeCheck::require_exp`], and `Claim` when it is further ahead.
    pub fn require_exp_within(
        &self,
        claims: &Claims,
        seconds: u32,
    ) -> Result<Timestamp, JoseError> {
        let exp = self.require_exp(claims)?;
        if exp.seconds_since(self.now) > i64::from(seconds) + self.leeway() {
            return Err(JoseError::Claim { name: "exp", problem: "is too far ahead" });
        }
        Ok(exp)
    }

    /// `nbf` must not be ahead when it is there.
    ///
    /// # Errors
    ///
    /// `Claim` when it is not a time, or ahead.
    pub fn check_nbf(&self, claims: &Claims) -> Result<Option<Timestamp>, JoseError> {
        self.not_ahead(claims, "nbf")
    }

    /// `iat` must not be ahead when it is there.
    ///
    /// # Errors
    ///
    /// `Claim` when it is not a time, or ahead.
    pub fn check_iat(&self, claims: &Claims) -> Result<Option<Timestamp>, JoseError> {
        self.not_ahead(claims, "iat")
    }

    /// `iat` must be there, not be ahead, and be at most so many seconds old.
    ///
    /// # Errors
    ///
    /// `Claim` when it is missing, not a time, ahead or older.
    pub fn require_fresh_iat(&self, claims: &Claims, seconds: u32) -> Result<Timestamp, JoseError> {
        let iat = self.not_ahead(claims, "iat")?;
        let iat = iat.ok_or(JoseError::Claim { name: "iat", problem: "is missing" })?;
        if self.now.seconds_since(iat) > i64::from(seconds) + self.leeway() {
            return Err(JoseError::Claim { name: "iat", problem: "is too old" });
        }
        Ok(iat)
    }

    fn not_ahead(
        &self,
        claims: &Claims,
        name: &'static str,
    ) -> Result<Option<Timestamp>, JoseError> {
        match claims.time(name)? {
            Some(time) if time.seconds_since(self.now) > self.leeway() => {
                Err(JoseError::Claim { name, problem: "is in the future" })
            }
            time => Ok(time),
        }
    }

    fn leeway(&self) -> i64 {
        i64::from(self.leeway_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_763_765_000;
    const CHECK: TimeCheck = TimeCheck { now: Timestamp::from_unix(NOW), leeway_seconds: 10 };

    fn at(name: &str, seconds: i64) -> Claims {
        Claims::parse(format!(r#"{{"{name}":{}}}"#, NOW + seconds).as_bytes()).unwrap()
    }

    fn none() -> Claims {
        Claims::parse(b"{}").unwrap()
    }

    #[test]
    fn jw_08_a_missing_or_past_exp_is_refused() {
        assert!(CHECK.require_exp(&none()).is_err());
        assert!(CHECK.require_exp(&at("exp", -10)).is_err());
        assert!(CHECK.require_exp(&at("exp", -9)).is_ok());
        assert!(CHECK.require_exp(&at("exp", 1)).is_ok());
    }

    #[test]
    fn ca_10_an_exp_far_ahead_is_refused_where_it_is_bounded() {
        assert!(CHECK.require_exp_within(&at("exp", 300), 300).is_ok());
        assert!(CHECK.require_exp_within(&at("exp", 3600), 300).is_err());
        assert!(CHECK.require_exp_within(&at("exp", -60), 300).is_err());
    }

    #[test]
    fn a_token_from_the_future_is_refused_beyond_the_leeway() {
        assert!(CHECK.check_nbf(&at("nbf", 10)).is_ok());
        assert!(CHECK.check_nbf(&at("nbf", 11)).is_err());
        assert!(CHECK.check_iat(&at("iat", 11)).is_err());
        assert_eq!(CHECK.check_nbf(&none()).unwrap(), None);
    }

    #[test]
    fn dp_05_an_iat_is_fresh() {
        assert!(CHECK.require_fresh_iat(&at("iat", 0), 300).is_ok());
        assert!(CHECK.require_fresh_iat(&at("iat", -310), 300).is_ok());
        for claims in [at("iat", -360), at("iat", 360), none()] {
            assert!(CHECK.require_fresh_iat(&claims, 300).is_err());
        }
        for value in ["\"1763765000\"", "1763765000000", "1e300", "-1", "253402300800"] {
            let claims = Claims::parse(format!(r#"{{"iat":{value}}}"#).as_bytes()).unwrap();
            assert!(CHECK.require_fresh_iat(&claims, 300).is_err(), "{value}");
        }
    }
}

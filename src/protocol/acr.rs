//! Levels of authentication (`acr`, OpenID Connect Core §2): how sure we are who somebody is.

use super::claims::ClaimsRequest;
use serde::{Deserialize, Serialize};

/// How somebody proved who they are, from weak to strong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// With a password.
    #[default]
    Password,
    /// With a second factor beside it.
    SecondFactor,
    /// With a key that no false page can use.
    PhishingResistant,
}

impl Level {
    /// Every level, the weakest first.
    pub const ALL: [Self; 3] = [Self::Password, Self::SecondFactor, Self::PhishingResistant];

    /// The `acr` of the level.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "1",
            Self::SecondFactor => "2",
            Self::PhishingResistant => "3",
        }
    }

    /// The level that an `acr` means; none for what others call theirs.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

/// The levels that a request asks for, in the order of the client's preference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WantedLevels {
    /// Whether one of them must be reached (§5.5.1.1).
    pub essential: bool,
    pub values: Vec<String>,
}

impl WantedLevels {
    /// What a request says: an essential `acr` of `claims` first, then `acr_values`, then an `acr`
    /// of `claims` that only advises, then what the client registered (Registration §2).
    pub fn of_request(
        claims: &ClaimsRequest,
        acr_values: Option<&str>,
        registered: &[String],
    ) -> Self {
        let of_claims = claims.acr();
        if let Some(levels) = of_claims.as_ref().filter(|levels| levels.essential) {
            return levels.clone();
        }
        let words = acr_values.unwrap_or_default().split(' ').filter(|word| !word.is_empty());
        let words: Vec<String> = words.map(str::to_owned).collect();
        let advised = of_claims.map(|levels| levels.values).unwrap_or_default();
        let said = [words, advised, registered.to_vec()];
        let values = said.into_iter().find(|values| !values.is_empty()).unwrap_or_default();
        Self { essential: false, values }
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        !self.essential && self.values.is_empty()
    }

    /// Whether somebody at this level satisfies the request. What only advises always does.
    pub fn are_met_by(&self, level: Level) -> bool {
        !self.essential || self.values.is_empty() || self.best_within(level).is_some()
    }

    /// The `acr` to report of somebody at this level: one that was asked for, where there is one.
    pub fn reported(&self, level: Level) -> Level {
        self.best_within(level).unwrap_or(level)
    }

    fn best_within(&self, level: Level) -> Option<Level> {
        let known = self.values.iter().filter_map(|value| Level::parse(value));
        known.filter(|wanted| *wanted <= level).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn essential(values: &[&str]) -> WantedLevels {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        WantedLevels { essential: true, values }
    }

    fn of(claims: &str, acr_values: Option<&str>, registered: &[&str]) -> WantedLevels {
        let registered: Vec<String> = registered.iter().map(|one| (*one).to_owned()).collect();
        WantedLevels::of_request(&ClaimsRequest::parse(claims).unwrap(), acr_values, &registered)
    }

    #[test]
    fn a10_an_essential_level_is_met_by_it_and_by_those_above() {
        assert!(!essential(&["2"]).are_met_by(Level::Password));
        assert!(essential(&["2"]).are_met_by(Level::SecondFactor));
        assert!(essential(&["3", "1"]).are_met_by(Level::Password));
        assert_eq!(essential(&["2"]).reported(Level::PhishingResistant), Level::SecondFactor);
    }

    #[test]
    fn a10_a_level_of_somebody_elses_is_never_met_when_it_is_essential() {
        for other in ["urn:mace:incommon:iap:silver", "0", "4", "01", ""] {
            assert!(!essential(&[other]).are_met_by(Level::PhishingResistant), "{other}");
        }
        assert!(essential(&[]).are_met_by(Level::Password));
    }

    #[test]
    fn a10_what_only_advises_is_met_by_everybody() {
        let advised = of("{}", Some("3 2"), &[]);
        assert!(advised.are_met_by(Level::Password));
        assert_eq!(advised.reported(Level::Password), Level::Password);
        assert_eq!(advised.reported(Level::SecondFactor), Level::SecondFactor);
    }

    #[test]
    fn the_request_counts_before_the_registration_and_the_essential_before_all() {
        let claims = r#"{"id_token":{"acr":{"essential":true,"values":["2"]}}}"#;
        assert_eq!(of(claims, Some("1"), &["3"]), essential(&["2"]));
        let advises = r#"{"id_token":{"acr":{"value":"2"}}}"#;
        assert_eq!(of(advises, Some("1"), &["3"]).values, ["1"]);
        assert_eq!(of(advises, None, &["3"]).values, ["2"]);
        assert_eq!(of("{}", None, &["3"]).values, ["3"]);
        assert!(of("{}", None, &[]).is_empty());
    }

    #[test]
    fn a_level_that_is_no_text_matches_nothing() {
        let claims = r#"{"id_token":{"acr":{"essential":true,"values":[1]}}}"#;
        assert!(!of(claims, None, &[]).are_met_by(Level::PhishingResistant));
    }
}

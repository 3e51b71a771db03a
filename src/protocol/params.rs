//! Request parameters as `application/x-www-form-urlencoded` text (RFC 6749 Appendix B).

use super::error::OAuthError;

/// The most parameters that are read.
const MAX_PARAMS: usize = 100;

/// The parameters of a request in the order they came.
///
/// Names are compared as they are: `Redirect_Uri` and `redirect_uri[]` are other parameters.
#[derive(Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Decodes a query or a form body.
    ///
    /// # Errors
    ///
    /// `invalid_request` for an escape that is not hexadecimal, text that is not UTF-8 or has a NUL,
    /// and more than 100 parameters. Nothing is replaced: a changed value is a changed meaning.
    pub fn parse(text: &[u8]) -> Result<Self, OAuthError> {
        let mut params = Vec::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if params.len() == MAX_PARAMS {
                return Err(OAuthError::invalid_request("more than 100 parameters"));
            }
            let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let value = pair.get(equals + 1..).unwrap_or_default();
            params.push((decode(&pair[..equals])?, decode(value)?));
        }
        Ok(Self(params))
    }

    /// Parameters that are already decoded.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// The value of a parameter that may come once. A parameter without a value counts as absent
    /// (RFC 6749 §3.1).
    ///
    /// # Errors
    ///
    /// `invalid_request` when it comes more than once.
    pub fn one(&self, name: &'static str) -> Result<Option<&str>, OAuthError> {
        let mut values = self.0.iter().filter(|(own, _)| own == name).map(|(_, value)| value);
        let first = values.next();
        if values.next().is_some() {
            return Err(OAuthError::invalid_request(format!("{name} is there more than once")));
        }
        Ok(first.map(String::as_str).filter(|value| !value.is_empty()))
    }

    /// The value of a parameter that must come, once.
    ///
    /// # Errors
    ///
    /// `invalid_request` when it is missing or comes more than once.
    pub fn required(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.one(name)?.ok_or_else(|| OAuthError::invalid_request(format!("{name} is missing")))
    }

    /// All values of a parameter that may repeat, such as `resource` (RFC 8707 §2).
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether the parameter is there at all, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| own == name)
    }

    /// These parameters, and from `other` those of the same names: a parameter that was sent in two
    /// places shows as repeated, and `other` adds nothing of its own.
    pub fn joined_where_repeated(&self, other: &Self) -> Self {
        let repeated = other.0.iter().filter(|(name, _)| self.has(name)).cloned();
        Self(self.0.iter().cloned().chain(repeated).collect())
    }

    /// These parameters without those of some names.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        Self(kept.cloned().collect())
    }

    /// These parameters with one value for a name, whatever there was before.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut params = self.without(&[name]);
        params.0.push((name.to_owned(), value.to_owned()));
        params
    }

    /// As a form, to be kept and [parsed](Params::parse) again.
    pub fn to_form(&self) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(&self.0).finish()
    }

    /// Whether nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Values can be codes and secrets, so only the names are shown.
impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Undoes `application/x-www-form-urlencoded` for one name or value.
///
/// # Errors
///
/// `invalid_request` when the escapes are broken or the result is not text.
pub fn decode(text: &[u8]) -> Result<String, OAuthError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => match (rest.next().and_then(hex), rest.next().and_then(hex)) {
                (Some(high), Some(low)) => bytes.push(high << 4 | low),
                _ => return Err(OAuthError::invalid_request("a percent escape is broken")),
            },
            0 => return Err(OAuthError::invalid_request("a parameter has a NUL")),
            other => bytes.push(*other),
        }
    }
    if bytes.contains(&0) {
        return Err(OAuthError::invalid_request("a parameter has a NUL"));
    }
    String::from_utf8(bytes).map_err(|_| OAuthError::invalid_request("a parameter is not UTF-8"))
}

const fn hex(digit: &u8) -> Option<u8> {
    match *digit {
        b'0'..=b'9' => Some(*digit - b'0'),
        b'a'..=b'f' => Some(*digit - b'a' + 10),
        b'A'..=b'F' => Some(*digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Params {
        Params::parse(text.as_bytes()).expect("well-formed")
    }

    #[test]
    fn az_33_plus_and_percent_20_are_both_a_space() {
        assert_eq!(params("scope=a+b%20c").one("scope").unwrap(), Some("a b c"));
    }

    #[test]
    fn az_02_a_repeated_parameter_is_invalid_request() {
        assert!(params("state=1&state=1").one("state").is_err());
        assert!(params("state=1&state=").one("state").is_err());
    }

    #[test]
    fn az_32_other_spellings_are_other_parameters() {
        for spelling in ["redirect_uri[]=x", "Redirect_Uri=x", "redirect_uri%20=x"] {
            assert_eq!(params(spelling).one("redirect_uri").unwrap(), None, "{spelling}");
        }
    }

    #[test]
    fn az_33_broken_text_is_refused_and_not_replaced() {
        for text in ["a=%ff%fe", "a=%c0%af", "a=%ed%a0%80", "a=%", "a=%2", "a=%zz", "a=%00"] {
            assert!(Params::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn ht_06_more_than_a_hundred_parameters_are_refused() {
        let text: String = (0..101).map(|n| format!("p{n}=1&")).collect();
        assert!(Params::parse(text.as_bytes()).is_err());
        assert!(Params::parse(&[b'&'; 65_536]).unwrap().is_empty());
    }

    #[test]
    fn a_form_is_read_as_it_was_written() {
        let sent = params("a=%26%3D+%2B%C3%BC&b=1&b=2").without(&["b"]).with("c", "d e");
        let kept = params(&sent.to_form());
        assert_eq!(kept.one("a").unwrap(), Some("&= +\u{fc}"));
        assert_eq!(kept.one("c").unwrap(), Some("d e"));
        assert!(!kept.has("b"));
    }

    #[test]
    fn a_parameter_without_a_value_counts_as_absent() {
        assert_eq!(params("state=&scope").one("state").unwrap(), None);
        assert!(params("state=").required("state").is_err());
    }
}

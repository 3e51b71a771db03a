//! What a place asks of whoever comes: scopes, roles, groups, and how they signed in.

use super::access_token::AccessToken;
use super::authentication::RequiredAuthentication;
use super::error::VerifyError;
use super::verify::Verifier;
use crate::protocol::params::Params;

/// What a place asks for. Nothing but a good token, unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    scopes: Vec<String>,
    roles: Vec<String>,
    groups: Vec<String>,
    authentication: Option<RequiredAuthentication>,
}

impl Needs {
    /// A scope. Said more than once, all of them are needed.
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        self.scopes.push(scope.to_owned());
        self
    }

    /// A role. Said more than once, any of them does.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.roles.push(role.to_owned());
        self
    }

    /// A group. Said more than once, any of them does.
    #[must_use]
    pub fn group(mut self, group: &str) -> Self {
        self.groups.push(group.to_owned());
        self
    }

    /// A level or a freshness of the sign-in (RFC 9470).
    #[must_use]
    pub fn authentication(mut self, needed: RequiredAuthentication) -> Self {
        self.authentication = Some(needed);
        self
    }

    /// Reads `scope` (tokens parted by spaces, all needed), `role` and `group` (may repeat, any
    /// does).
    pub fn from_params(params: &Params) -> Self {
        let words = |name: &'static str| {
            params.all(name).flat_map(|value| value.split(' ')).filter(|word| !word.is_empty())
        };
        let whole = |name: &'static str| params.all(name).filter(|value| !value.is_empty());
        Self {
            scopes: words("scope").map(str::to_owned).collect(),
            roles: whole("role").map(str::to_owned).collect(),
            groups: whole("group").map(str::to_owned).collect(),
            authentication: None,
        }
    }

    /// Whether a token may in.
    ///
    /// # Errors
    ///
    /// `InsufficientScope` or `NotAllowed`: 403. `InsufficientAuthentication`: 401.
    pub fn check(&self, verifier: &Verifier, token: &AccessToken) -> Result<(), VerifyError> {
        self.check_scope(|scope| token.scope.contains(scope))?;
        self.check_person(&token.roles, &token.groups)?;
        match &self.authentication {
            Some(needed) => verifier.require_authentication(token, needed),
            None => Ok(()),
        }
    }

    /// Whether what `has` says of scopes is enough.
    ///
    /// # Errors
    ///
    /// `InsufficientScope`, with all that is needed.
    pub fn check_scope(&self, has: impl Fn(&str) -> bool) -> Result<(), VerifyError> {
        match self.scopes.iter().all(|scope| has(scope)) {
            true => Ok(()),
            false => Err(VerifyError::InsufficientScope { scope: self.scopes.join(" ") }),
        }
    }

    /// Whether somebody with these roles and groups may in.
    ///
    /// # Errors
    ///
    /// `NotAllowed`.
    pub fn check_person(&self, roles: &[String], groups: &[String]) -> Result<(), VerifyError> {
        let any = |needed: &[String], own: &[String]| {
            needed.is_empty() || needed.iter().any(|one| own.contains(one))
        };
        match any(&self.roles, roles) && any(&self.groups, groups) {
            true => Ok(()),
            false => Err(VerifyError::NotAllowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn all_scopes_are_needed_and_any_role_or_group_does() {
        let params = Params::parse(b"scope=a+b&role=clerk&role=admin&group=shop&role=").unwrap();
        let needs = Needs::from_params(&params);
        let built = Needs::default().scope("a").scope("b").role("clerk").role("admin");
        assert_eq!(needs, built.group("shop"));
        assert!(needs.check_scope(|scope| ["a", "b", "c"].contains(&scope)).is_ok());
        let refused = needs.check_scope(|scope| scope == "a").unwrap_err();
        assert_eq!(refused, VerifyError::InsufficientScope { scope: "a b".into() });
        let shop = strings(&["shop"]);
        assert!(needs.check_person(&strings(&["admin", "x"]), &shop).is_ok());
        let others: [(&[&str], &[&str]); 3] =
            [(&["clerks"], &["shop"]), (&[], &["shop"]), (&["admin"], &[])];
        for (roles, groups) in others {
            let refused = needs.check_person(&strings(roles), &strings(groups));
            assert_eq!(refused, Err(VerifyError::NotAllowed), "{roles:?} {groups:?}");
        }
    }

    #[test]
    fn who_needs_nothing_lets_everyone_in() {
        assert!(Needs::default().check_scope(|_| false).is_ok());
        assert!(Needs::default().check_person(&[], &[]).is_ok());
    }
}

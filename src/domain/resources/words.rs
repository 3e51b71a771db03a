//! What people read about the scopes of resources.

use crate::domain::provider::Provider;
use crate::protocol::error::OAuthError;
use crate::protocol::resource::Resource;
use crate::protocol::scope::Scope;
use crate::storage::resources;
use std::collections::BTreeMap;

/// The words of those scopes that a resource describes, in a language where it has them. Where several
/// describe one, the resources that the request is about come first.
///
/// # Errors
///
/// Those of the database.
pub async fn of_scopes(
    provider: &Provider,
    scope: &Scope,
    about: &[String],
    language: &str,
) -> Result<BTreeMap<String, String>, OAuthError> {
    let mut all = provider.db.read(|conn| resources::list(conn, None, 1000)).await?;
    all.sort_by_key(|resource| !about.contains(&resource.identifier));
    let words_for = |token: &str| {
        let words =
            |resource: &Resource| resource.settings.words(token, language).map(str::to_owned);
        all.iter().find_map(words)
    };
    Ok(scope.iter().filter_map(|token| Some((token.to_owned(), words_for(token)?))).collect())
}

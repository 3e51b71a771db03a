//! Resources as text and as JSON.

use super::find;
use crate::cli::context::Context;
use crate::cli::output::{CliError, date, fields, table};
use crate::domain::resources::management;
use crate::protocol::resource::Resource;
use serde_json::{Value, json};

/// `resource list`.
pub fn list(context: &Context<'_>, limit: i64) -> Result<(), CliError> {
    let resources = context.with_ground(|ground, _| async move {
        Ok(management::list(&ground, None, limit).await?)
    })?;
    let document = Value::Array(resources.iter().map(|one| document(one, None)).collect());
    context.output.write(&document, || {
        let row = |resource: &Resource| {
            let scopes: Vec<&str> = resource.settings.scopes.keys().map(String::as_str).collect();
            vec![
                resource.identifier.clone(),
                resource.name.clone(),
                resource.settings.token_format.to_string(),
                scopes.join(" "),
            ]
        };
        let rows: Vec<_> = resources.iter().map(row).collect();
        table(&["IDENTIFIER", "NAME", "TOKENS", "SCOPES"], &rows)
    });
    Ok(())
}

/// `resource show`.
pub fn one(context: &Context<'_>, name: &str) -> Result<(), CliError> {
    let resource = context.with_ground(|ground, _| async move { find(&ground, name).await })?;
    context.output.write(&document(&resource, None), || text(&resource, None));
    Ok(())
}

/// A resource as JSON, without its secret unless it was just made. Times are unix seconds.
pub fn document(resource: &Resource, secret: Option<&str>) -> Value {
    let mut document = json!({
        "id": resource.id,
        "identifier": resource.identifier,
        "name": resource.name,
    });
    if let Some(secret) = secret {
        document["secret"] = json!(secret);
    }
    if let Ok(Value::Object(settings)) = serde_json::to_value(&resource.settings) {
        document.as_object_mut().expect("it is made as an object").extend(settings);
    }
    document["created_at"] = json!(resource.created_at.as_unix());
    document["updated_at"] = json!(resource.updated_at.as_unix());
    document
}

/// A resource as text.
pub fn text(resource: &Resource, secret: Option<&str>) -> String {
    let settings = &resource.settings;
    let key = settings.token_encryption_jwk.as_ref().map(|_| "jwk".to_owned());
    let mut lines = vec![
        ("identifier", Some(resource.identifier.clone())),
        ("name", Some(resource.name.clone())),
        ("id", Some(resource.id.clone())),
        ("secret", secret.map(str::to_owned)),
        ("token_format", Some(settings.token_format.to_string())),
        ("token_signed_alg", settings.token_signed_alg.clone()),
        ("token_encryption_alg", settings.token_encryption_alg.clone()),
        ("token_encryption_enc", settings.token_encryption_enc.clone()),
        ("encryption key", settings.jwks_uri.clone().or(key)),
        ("token_lifetime", settings.token_lifetime.map(|seconds| format!("{seconds} s"))),
        ("token_status_list", settings.token_status_list.then(|| "yes".to_owned())),
        ("created", Some(date(resource.created_at.as_unix()))),
    ];
    let scope = |(scope, words): (String, &str)| match words.is_empty() {
        true => scope,
        false => format!("{scope} ({words})"),
    };
    let scopes = settings.written_scopes().into_iter();
    lines.extend(scopes.map(|pair| ("scope", Some(scope(pair)))));
    let rules = settings.token_claims.iter();
    lines.extend(rules.map(|(name, source)| ("claim", Some(format!("{name} = {source}")))));
    let kinds = &settings.authorization_details_types;
    lines.extend(kinds.iter().map(|kind| ("details type", Some(kind.name.clone()))));
    fields(&lines)
}

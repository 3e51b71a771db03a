//! The style sheet, the script and the icon: part of the binary, named by their content.
//!
//! A page links `/static/NAME?v=HASH`. With that hash the answer may be kept for good; with any
//! other, or none, it must be asked for again (an old page can outlive an update).

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::LazyLock;

/// Digits of the hash in an address.
const HASH_DIGITS: usize = 16;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    hash: String,
}

impl Asset {
    fn new(name: &'static str, media_type: &'static str, bytes: &'static [u8]) -> Self {
        let hash = Sha256::digest(bytes).iter().fold(String::new(), |mut hash, byte| {
            write!(hash, "{byte:02x}").expect("a String takes what is written to it");
            hash
        });
        Self { name, media_type, bytes, hash: hash[..HASH_DIGITS].to_owned() }
    }
}

static ASSETS: LazyLock<[Asset; 4]> = LazyLock::new(|| {
    [
        Asset::new(
            "countersign.css",
            "text/css; charset=utf-8",
            include_bytes!("../../../static/countersign.css"),
        ),
        Asset::new(
            "countersign.js",
            "text/javascript; charset=utf-8",
            include_bytes!("../../../static/countersign.js"),
        ),
        Asset::new(
            "session.js",
            "text/javascript; charset=utf-8",
            include_bytes!("../../../static/session.js"),
        ),
        Asset::new("icon.svg", "image/svg+xml", include_bytes!("../../../static/icon.svg")),
    ]
});

/// The address of a file, with its hash. A name that does not exist has an address all the same.
pub fn address(name: &str) -> String {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => format!("/static/{name}?v={}", asset.hash),
        None => format!("/static/{name}"),
    }
}

/// Adds `GET` and `HEAD /static/{name}`.
pub fn configure(config: &mut web::ServiceConfig) {
    let resource = web::resource("/static/{name}").route(web::get().to(file));
    config.service(resource.route(web::head().to(file)));
}

#[derive(Deserialize)]
struct Version {
    v: Option<String>,
}

async fn file(
    request: HttpRequest,
    name: web::Path<String>,
    version: web::Query<Version>,
) -> HttpResponse {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name.as_str()) else {
        return HttpResponse::NotFound()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish();
    };
    let etag = format!("\"{}\"", asset.hash);
    let keep = match version.v.as_deref() == Some(asset.hash.as_str()) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let unchanged = known
        .is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag));
    let mut response = match unchanged {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    response
        .insert_header((header::CACHE_CONTROL, keep))
        .insert_header((header::ETAG, etag))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    match unchanged {
        true => response.finish(),
        false => response.content_type(asset.media_type).body(asset.bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::dev::ServiceResponse;
    use actix_web::{App, test};

    async fn get(path: &str, etag: Option<&str>) -> ServiceResponse {
        let app = test::init_service(App::new().configure(configure)).await;
        let mut request = test::TestRequest::get().uri(path);
        if let Some(etag) = etag {
            request = request.insert_header((header::IF_NONE_MATCH, etag));
        }
        test::call_service(&app, request.to_request()).await
    }

    fn value(response: &ServiceResponse, name: header::HeaderName) -> &str {
        response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[actix_web::test]
    async fn the_address_of_a_page_may_be_kept_for_good() {
        let response = get(&address("countersign.css"), None).await;
        assert_eq!(response.status(), 200);
        let kept = value(&response, header::CACHE_CONTROL);
        assert_eq!(kept, "public, max-age=31536000, immutable");
        assert_eq!(value(&response, header::CONTENT_TYPE), "text/css; charset=utf-8");
    }

    #[actix_web::test]
    async fn another_hash_must_be_asked_again_and_then_costs_nothing() {
        let response = get("/static/countersign.js?v=old", None).await;
        assert_eq!(value(&response, header::CACHE_CONTROL), "no-cache");
        let etag = value(&response, header::ETAG).to_owned();
        assert_eq!(get("/static/countersign.js", Some(&etag)).await.status(), 304);
        assert_eq!(get("/static/countersign.js", Some("\"other\"")).await.status(), 200);
    }

    #[actix_web::test]
    async fn nothing_else_is_served() {
        for path in ["/static/", "/static/x.css", "/static/..%2fCargo.toml", "/static/a/b"] {
            assert_eq!(get(path, None).await.status(), 404, "{path}");
        }
    }
}

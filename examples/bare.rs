//! The yardstick of the load tests: an actix handler that does nothing, and one that does nothing
//! but hash a password. Costs of the provider are stated as a ratio to these, measured in turns.
//!
//! `bare 127.0.0.1:8481` answers `GET /` and `GET /password`.

use actix_web::{App, HttpResponse, HttpServer, error::ErrorInternalServerError, get, web};
use argon2::{Algorithm, Argon2, Params, Version};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[get("/")]
async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"status":"ok"}"#)
}

/// One Argon2id hash with the provider's parameters: 19 MiB, two passes, one lane.
#[get("/password")]
async fn password() -> actix_web::Result<HttpResponse> {
    let hashed = web::block(|| {
        let params = Params::new(19 * 1024, 2, 1, None)?;
        let mut out = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
            b"a password of a usual length",
            b"sixteen bytes of",
            &mut out,
        )?;
        Ok::<_, argon2::Error>(out)
    });
    let hashed = hashed.await?.map_err(|error| ErrorInternalServerError(error.to_string()))?;
    Ok(HttpResponse::Ok().body(hashed.to_vec()))
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8481".to_owned());
    HttpServer::new(|| App::new().service(document).service(password))
        .workers(1)
        .worker_max_blocking_threads(1)
        .bind(address)?
        .run()
        .await
}

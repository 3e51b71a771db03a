//! The yardstick of the load tests: an actix handler that does nothing, and one that does nothing
//! but the parts an operation of the provider cannot do without. Costs of the provider are stated
//! as a ratio to these, measured in turns on the same core.
//!
//! `bare 127.0.0.1:8481 FILE.db` answers `GET /` and `GET /parts/LIST`, where the list is of these
//! words with `+` between them: `sign` and `verify` (one ES256 signature), `write` (one row on disk,
//! committed together with what else is queued) and `password` (one Argon2id hash).

use actix_web::error::{ErrorInternalServerError, ErrorNotFound};
use actix_web::{App, HttpResponse, HttpServer, get, web};
use argon2::{Algorithm, Argon2, Params, Version};
use countersign::protocol::random::{Random, SystemRandom};
use countersign::protocol::time::{Clock, Lifetime, SystemClock};
use countersign::storage::{DatabaseUrl, Db, seen_jtis};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::Private;
use openssl::sha::sha256;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As long as the head and claims of a token.
const MESSAGE: &[u8] = &[b'm'; 700];

/// What the parts need, made once.
struct Parts {
    key: EcKey<Private>,
    signature: EcdsaSig,
    db: Db,
}

impl Parts {
    fn new(database: String) -> Result<Self, Box<dyn std::error::Error>> {
        let key = EcKey::generate(&*EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?)?;
        let signature = EcdsaSig::sign(&sha256(MESSAGE), &key)?;
        Ok(Self { key, signature, db: Db::open(&DatabaseUrl::Sqlite(database))? })
    }

    async fn run(&self, part: &str) -> actix_web::Result<()> {
        match part {
            "sign" => drop(std::hint::black_box(
                EcdsaSig::sign(&sha256(MESSAGE), &self.key).map_err(ErrorInternalServerError)?,
            )),
            "verify" => {
                let valid = self.signature.verify(&sha256(MESSAGE), &self.key);
                assert!(valid.map_err(ErrorInternalServerError)?, "our own signature is valid");
            }
            "write" => self.write().await?,
            "password" => password().await?,
            _ => return Err(ErrorNotFound("there is no such part")),
        }
        Ok(())
    }

    /// One row under a random key.
    async fn write(&self) -> actix_web::Result<()> {
        let random: &dyn Random = &SystemRandom;
        let (id, expires_at) = (random.id(), SystemClock.now() + Lifetime::minutes(5));
        let written = self.db.write(move |conn| seen_jtis::insert(conn, &id, expires_at)).await;
        written.map(drop).map_err(|error| ErrorInternalServerError(error.to_string()))
    }
}

/// One Argon2id hash with the provider's parameters: 19 MiB, two passes, one lane.
async fn password() -> actix_web::Result<()> {
    let hashed = web::block(|| {
        let params = Params::new(19 * 1024, 2, 1, None)?;
        let mut out = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
            b"a password of a usual length",
            b"sixteen bytes of",
            &mut out,
        )?;
        Ok::<_, argon2::Error>(std::hint::black_box(out))
    });
    hashed.await?.map(drop).map_err(|error| ErrorInternalServerError(error.to_string()))
}

#[get("/")]
async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"status":"ok"}"#)
}

#[get("/parts/{list}")]
async fn parts(
    list: web::Path<String>,
    parts: web::Data<Parts>,
) -> actix_web::Result<HttpResponse> {
    for part in list.split('+') {
        parts.run(part).await?;
    }
    Ok(HttpResponse::Ok().content_type("application/json").body(r#"{"status":"ok"}"#))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("the address to listen at is missing")?;
    let database = arguments.next().ok_or("the path of a database file is missing")?;
    let made = web::Data::new(Parts::new(database)?);
    HttpServer::new(move || App::new().app_data(made.clone()).service(document).service(parts))
        .workers(1)
        .worker_max_blocking_threads(1)
        .bind(address)?
        .run()
        .await?;
    Ok(())
}

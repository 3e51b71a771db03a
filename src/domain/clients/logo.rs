//! The pictures of clients (OpenID Connect Registration §2, `logo_uri`): fetched once, made anew,
//! and shown from our own origin, so that no client sees who looks at our pages.

use super::RegisteredClient;
use crate::domain::digest::digest;
use crate::domain::provider::Provider;
use crate::protocol::time::{Lifetime, Timestamp};
use image::{ImageFormat, ImageReader, Limits};
use quick_cache::sync::Cache;
use std::io::Cursor;
use std::sync::Arc;

/// How many pictures are kept in memory.
const KEPT: usize = 256;
/// The largest file that is read.
const MAX_BYTES: usize = 256 * 1024;
/// The widest and highest picture that is read, in pixels.
const MAX_SIDE: u32 = 2048;
/// The most memory that reading one takes.
const MAX_MEMORY: u64 = 32 * 1024 * 1024;
/// Twice the size it is shown in, for fine screens.
const SIDE: u32 = 88;
/// After this a picture is fetched anew.
const FRESH: Lifetime = Lifetime::hours(24);
/// An address that gave nothing is asked again after this.
const RETRY: Lifetime = Lifetime::minutes(5);

/// The pictures that are known, by where they came from.
pub struct Logos(Cache<String, Known>);

#[derive(Clone)]
struct Known {
    /// As PNG; none while it is fetched, and when there is none.
    png: Option<Arc<[u8]>>,
    until: Timestamp,
}

impl Default for Logos {
    fn default() -> Self {
        Self(Cache::new(KEPT))
    }
}

/// Where our pages show the picture of a client; another address for another picture.
pub fn path(client: &RegisteredClient) -> Option<String> {
    let uri = client.metadata.logo_uri.as_deref()?;
    let version = digest(uri);
    Some(format!("/logo/{}?v={}", super::segment(&client.id), &version[..8]))
}

/// The picture of a client as PNG, fetched when it is not known. None when there is none that can
/// be shown: whatever is wrong is the client's matter, and costs one call in five minutes.
pub async fn png(provider: &Provider, client: &RegisteredClient) -> Option<Arc<[u8]>> {
    let uri = client.metadata.logo_uri.as_deref()?;
    let now = provider.now();
    if let Some(known) = provider.logos.0.get(uri).filter(|known| known.until > now) {
        return known.png;
    }
    // Marked before the fetch: of many that come at once only one goes out.
    keep(provider, uri, None, now + RETRY);
    match fetch(provider, uri).await {
        Ok(png) => {
            keep(provider, uri, Some(png.clone()), now + FRESH);
            Some(png)
        }
        Err(error) => {
            tracing::warn!(client.id = %client.id, %error, "the client's logo_uri gave no picture");
            None
        }
    }
}

fn keep(provider: &Provider, uri: &str, png: Option<Arc<[u8]>>, until: Timestamp) {
    provider.logos.0.insert(uri.to_owned(), Known { png, until });
}

async fn fetch(provider: &Provider, uri: &str) -> Result<Arc<[u8]>, String> {
    let file =
        provider.outbound.get(uri, "image/png, image/jpeg, image/webp, image/gif", MAX_BYTES);
    let file = file.await.map_err(|error| error.to_string())?;
    let made = tokio::task::spawn_blocking(move || remade(&file)).await;
    made.map_err(|_| "the picture could not be read".to_owned())?
}

/// The picture as a PNG of ours, with nothing of the file but its pixels.
fn remade(file: &[u8]) -> Result<Arc<[u8]>, String> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format();
    let mut reader = reader.map_err(|error| error.to_string())?;
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| error.to_string())?.thumbnail(SIDE, SIDE);
    let mut png = Cursor::new(Vec::new());
    picture.to_rgba8().write_to(&mut png, ImageFormat::Png).map_err(|error| error.to_string())?;
    Ok(png.into_inner().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, RgbaImage};

    fn file(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let picture = DynamicImage::from(RgbaImage::new(width, height));
        let mut bytes = Cursor::new(Vec::new());
        let picture = if format == ImageFormat::Jpeg { picture.to_rgb8().into() } else { picture };
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn i8_a_picture_is_made_anew_and_small() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
            let png = remade(&file(400, 200, format)).unwrap();
            let picture = image::load_from_memory_with_format(&png, ImageFormat::Png).unwrap();
            assert_eq!((picture.width(), picture.height()), (88, 44), "{format:?}");
        }
    }

    #[test]
    fn i8_what_is_no_picture_or_too_large_is_none() {
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
        for bad in [&b""[..], b"GIF89a", svg, &file(3000, 1, ImageFormat::Png)] {
            assert!(remade(bad).is_err());
        }
    }
}

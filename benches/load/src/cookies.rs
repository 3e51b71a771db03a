//! A browser's cookie jar, reduced to what one origin's login needs: name,
//! path and deletion. `Secure` is ignored, as browsers do for loopback.

use std::time::SystemTime;

use crate::url::Url;

#[derive(Clone, Debug)]
struct Cookie {
    authority: String,
    path: String,
    name: String,
    value: String,
}

#[derive(Clone, Debug, Default)]
pub struct Jar {
    cookies: Vec<Cookie>,
}

impl Jar {
    pub fn clear(&mut self) {
        self.cookies.clear();
    }

    /// Takes in one `Set-Cookie` value.
    pub fn store(&mut self, url: &Url, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let mut path = default_path(url.path()).to_owned();
        let mut max_age: Option<i64> = None;
        let mut expired = false;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            if key.eq_ignore_ascii_case("path") && value.starts_with('/') {
                path = value.to_owned();
            } else if key.eq_ignore_ascii_case("max-age") {
                max_age = value.parse().ok();
            } else if key.eq_ignore_ascii_case("expires") {
                expired = httpdate::parse_http_date(value).is_ok_and(|at| at <= SystemTime::now());
            }
        }
        let gone = max_age.map_or(expired, |age| age <= 0);
        self.cookies
            .retain(|c| !(c.name == name && c.path == path && c.authority == url.authority));
        if !gone {
            self.cookies.push(Cookie {
                authority: url.authority.clone(),
                path,
                name: name.to_owned(),
                value: value.to_owned(),
            });
        }
    }

    /// Writes the `Cookie` header for a request to `url`, if any cookie applies.
    pub fn write_header(&self, url: &Url, out: &mut Vec<u8>) {
        let mut first = true;
        for cookie in &self.cookies {
            if cookie.authority != url.authority || !path_matches(url.path(), &cookie.path) {
                continue;
            }
            out.extend_from_slice(if first { b"Cookie: " } else { b"; " });
            first = false;
            out.extend_from_slice(cookie.name.as_bytes());
            out.push(b'=');
            out.extend_from_slice(cookie.value.as_bytes());
        }
        if !first {
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn default_path(request: &str) -> &str {
    match request.rfind('/') {
        Some(0) | None => "/",
        Some(at) => &request[..at],
    }
}

fn path_matches(request: &str, cookie: &str) -> bool {
    request == cookie
        || (request.starts_with(cookie)
            && (cookie.ends_with('/') || request.as_bytes().get(cookie.len()) == Some(&b'/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(jar: &Jar, url: &str) -> String {
        let mut out = Vec::new();
        jar.write_header(&Url::parse(url).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn paths_replacement_and_deletion() {
        let mut jar = Jar::default();
        let url = Url::parse("http://h:1/auth/x").unwrap();
        jar.store(&url, "sid=1; Path=/; HttpOnly");
        jar.store(&url, "step=a; path=/interaction/9; Secure");
        jar.store(&url, "local=l");
        assert_eq!(header(&jar, "http://h:1/"), "Cookie: sid=1\r\n");
        assert_eq!(header(&jar, "http://h:1/interaction/9/go"), "Cookie: sid=1; step=a\r\n");
        assert_eq!(header(&jar, "http://h:1/auth/y"), "Cookie: sid=1; local=l\r\n");
        assert_eq!(header(&jar, "http://h:2/"), "");
        jar.store(&url, "sid=2; Path=/");
        assert_eq!(header(&jar, "http://h:1/"), "Cookie: sid=2\r\n");
        jar.store(&url, "sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        jar.store(&url, "local=; Max-Age=0");
        assert_eq!(header(&jar, "http://h:1/auth/y"), "");
    }
}

//! What the settings about client certificates must be.

use super::{address_problem, read};
use crate::config::load::Problem;
use crate::config::{Config, MtlsConfig};
use openssl::x509::X509;

/// Everything that is wrong with them.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mtls = &config.mtls;
    let mut problems: Vec<Problem> =
        [listen_problem(config), url_problem(mtls), header_problem(config)]
            .into_iter()
            .flatten()
            .collect();
    problems.extend(file_problems(config));
    if mtls.trust_anchors.is_some() && mtls.listen.is_none() && mtls.certificate_header.is_none() {
        let says = "needs mtls.listen or mtls.certificate_header: no certificate would reach it";
        problems.push(Problem::new("mtls.trust_anchors", says));
    }
    problems
}

fn listen_problem(config: &Config) -> Option<Problem> {
    let mtls = &config.mtls;
    let listen = mtls.listen?;
    let taken = [Some(config.listen), config.metrics_listen].contains(&Some(listen));
    if taken && listen.port() != 0 {
        return Some(Problem::new("mtls.listen", "must be another address than the others"));
    }
    let has_files = |cert: bool, key: bool| cert && key;
    let own = has_files(mtls.tls_cert.is_some(), mtls.tls_key.is_some());
    let shared = has_files(config.tls_cert.is_some(), config.tls_key.is_some());
    (!own && !shared).then(|| {
        let says = "needs tls_cert and tls_key, or mtls.tls_cert and mtls.tls_key";
        Problem::new("mtls.listen", says)
    })
}

fn url_problem(mtls: &MtlsConfig) -> Option<Problem> {
    let url = mtls.url.as_deref()?;
    let says = match address_problem(url) {
        Some(says) => says,
        None if !url.starts_with("https:") => "must be an https address",
        None => return None,
    };
    Some(Problem::new("mtls.url", says))
}

fn header_problem(config: &Config) -> Option<Problem> {
    let name = config.mtls.certificate_header.as_deref()?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let says = match name {
        _ if name.is_empty() || !name.bytes().all(is_name) => "is not the name of a header",
        _ if config.trusted_proxies.is_empty() => {
            "needs trusted_proxies: from anyone else the header proves nothing"
        }
        _ => return None,
    };
    Some(Problem::new("mtls.certificate_header", says))
}

fn file_problems(config: &Config) -> Vec<Problem> {
    let mtls = &config.mtls;
    let mut problems = Vec::new();
    match (&mtls.tls_cert, &mtls.tls_key) {
        (Some(_), None) => problems.push(Problem::new("mtls.tls_key", "is missing")),
        (None, Some(_)) => problems.push(Problem::new("mtls.tls_cert", "is missing")),
        _ => {}
    }
    let certificates = |pem: &[u8]| X509::stack_from_pem(pem).ok().filter(|all| !all.is_empty());
    for (key, path) in
        [("mtls.tls_cert", &mtls.tls_cert), ("mtls.trust_anchors", &mtls.trust_anchors)]
    {
        if let Some(path) = path {
            problems.extend(read(key, path, certificates).err());
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::check;

    fn about(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        check::problems(&config).into_iter().map(|problem| problem.about).collect()
    }

    #[test]
    fn ca_18_a_header_is_believed_from_named_proxies_alone() {
        let header =
            |config: &mut Config| config.mtls.certificate_header = Some("Client-Cert".into());
        assert_eq!(about(header), ["mtls.certificate_header"]);
        let with_proxy = |config: &mut Config| {
            header(config);
            config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        };
        assert!(about(with_proxy).is_empty());
    }

    #[test]
    fn a_listener_needs_an_address_and_a_certificate_of_the_server() {
        assert_eq!(
            about(|config| config.mtls.listen = Some(([127, 0, 0, 1], 8443).into())),
            ["mtls.listen"]
        );
        assert_eq!(about(|config| config.mtls.listen = Some(config.listen)), ["mtls.listen"]);
        assert_eq!(about(|config| config.mtls.url = Some("http://localhost".into())), ["mtls.url"]);
        let anchors = |config: &mut Config| config.mtls.trust_anchors = Some("/nowhere".into());
        assert_eq!(about(anchors), ["mtls.trust_anchors", "mtls.trust_anchors"]);
    }
}

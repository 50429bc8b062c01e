//! On a loopback listener without TLS everybody is an administrator, so a browser on the machine is
//! one, too. A page that it shows can have its own name resolved to 127.0.0.1 and then read answers
//! (DNS rebinding); what it cannot do is to leave that name out of its requests.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, header};
use trunkline_netmaster_api::ErrorCode;

use crate::connections::Peer;
use crate::failure::Failure;
use crate::identity::IdentityName;

/// Refuses a request of whoever is on the machine that is meant for another one. Without a name, as
/// programs may send it and browsers never do, it is for whom it comes to.
pub(super) fn check_host(parts: &Parts, peer: Option<&Peer>) -> Result<(), Failure> {
    let identity = peer.and_then(|peer| peer.identity.as_ref());
    if !identity.is_some_and(|identity| *identity.name() == IdentityName::Local) {
        return Ok(());
    }
    let mut named = parts.headers.get_all(header::HOST).iter();
    let foreign = named.find(|named| !is_this_machine(named));
    let other = parts.uri.host().filter(|host| !is_loopback(host));
    let Some(name) = foreign
        .map(HeaderValue::as_bytes)
        .or(other.map(str::as_bytes))
    else {
        return Ok(());
    };
    let name = String::from_utf8_lossy(name);
    Err(Failure::new(
        ErrorCode::Forbidden,
        format!(
            "`{}` is not this machine, and without TLS only who asks for this machine is served: \
             ask for `localhost` or `127.0.0.1`, or serve with TLS",
            name.escape_debug()
        ),
    ))
}

fn is_this_machine(host: &HeaderValue) -> bool {
    let authority: Option<Authority> = host.to_str().ok().and_then(|host| host.parse().ok());
    authority.is_some_and(|authority| is_loopback(authority.host()))
}

fn is_loopback(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    let ip = ip.parse::<IpAddr>().map(|ip| ip.to_canonical());
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_names() {
        for (host, expected) in [
            ("localhost", true),
            ("LocalHost:9630", true),
            ("127.0.0.1", true),
            ("127.8.8.8:9630", true),
            ("[::1]:9630", true),
            ("[::ffff:127.0.0.1]", true),
            ("rebound.example:9630", false),
            ("localhost.rebound.example", false),
            ("127.0.0.1.rebound.example", false),
            ("localhost@rebound.example", false),
            ("10.0.0.1", false),
            ("[::2]", false),
            ("", false),
            ("a b", false),
        ] {
            let value = HeaderValue::from_static(host);
            assert_eq!(is_this_machine(&value), expected, "{host}");
        }
    }
}

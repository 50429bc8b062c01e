//! What a browser is made to ask by a page that it shows.
//!
//! On a loopback listener without TLS everybody is an administrator, so a browser on the machine is
//! one, too. A page can have its own name resolved to 127.0.0.1 and then read answers (DNS
//! rebinding); what it cannot do is to leave that name out of its requests. And any page can have
//! something done without reading the answer, by whom the browser is without saying so: on the
//! machine, or by a client certificate. What it cannot do is to leave out that it is another site's.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use trunkline_netmaster_api::ErrorCode;

use crate::connections::Peer;
use crate::failure::Failure;
use crate::identity::IdentityName;

/// Where a browser says what kind of page asks.
const SITE: &str = "sec-fetch-site";

/// Refuses what no program asks for, but a page of somebody else in a browser.
pub(super) fn check_browser(parts: &Parts, peer: Option<&Peer>) -> Result<(), Failure> {
    let Some(identity) = peer.and_then(|peer| peer.identity.as_ref()) else {
        return Ok(());
    };
    let is_local = *identity.name() == IdentityName::Local;
    if is_local {
        check_host(parts)?;
    }
    // No page has a browser send a token that the page does not know.
    if parts.headers.contains_key(header::AUTHORIZATION) {
        return Ok(());
    }
    check_page(&parts.headers, is_local)
}

/// Refuses a request that is meant for another machine. Without a name, as programs may send it and
/// browsers never do, it is for whom it comes to.
fn check_host(parts: &Parts) -> Result<(), Failure> {
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

/// Refuses a request of another site's page. Programs say nothing of pages, and neither does who
/// types the address.
fn check_page(headers: &HeaderMap, is_local: bool) -> Result<(), Failure> {
    let is_own = |origin: &HeaderValue| {
        let origin = origin.to_str().ok();
        let origin = origin.and_then(|origin| origin.parse::<Uri>().ok());
        let authority = origin.as_ref().and_then(Uri::authority);
        authority.is_some_and(|authority| {
            let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
            let is_here = host == Some(authority.as_str().as_bytes());
            is_here || is_local && is_loopback(authority.host())
        })
    };
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let foreign = origins.find(|&origin| !is_own(origin));
    let site = headers.get(SITE).map(HeaderValue::as_bytes);
    let is_elsewhere = matches!(site, Some(b"cross-site" | b"same-site"));
    // Where a browser says both, a page of this machine may be another site's.
    if foreign.is_none() && (!is_elsewhere || headers.contains_key(header::ORIGIN)) {
        return Ok(());
    }
    let page = foreign.map_or_else(
        || "another site".to_owned(),
        |origin| {
            format!(
                "`{}`",
                String::from_utf8_lossy(origin.as_bytes()).escape_debug()
            )
        },
    );
    Err(Failure::new(
        ErrorCode::Forbidden,
        format!(
            "a page of {page} asks for this, and pages of other sites are not served: ask with \
             `netctl`, or send a token"
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

    /// A browser's headers, and whether such a request is served on this machine and to others.
    type Page = (&'static [(&'static str, &'static str)], bool, bool);

    #[test]
    fn pages_of_other_sites_are_not_served() {
        let cases: &[Page] = &[
            (&[], true, true),
            (&[("origin", "https://evil.example")], false, false),
            (&[("origin", "null")], false, false),
            (&[("origin", "http://localhost:3000")], true, false),
            (&[("origin", "http://[::1]")], true, false),
            (&[("origin", "http://localhost.evil.example")], false, false),
            (&[("origin", "https://netmaster:9630")], true, true),
            (
                &[("origin", "http://localhost:1"), ("origin", "null")],
                false,
                false,
            ),
            (&[("sec-fetch-site", "cross-site")], false, false),
            (&[("sec-fetch-site", "same-site")], false, false),
            (&[("sec-fetch-site", "same-origin")], true, true),
            (&[("sec-fetch-site", "none")], true, true),
            (
                &[
                    ("origin", "http://localhost:1"),
                    ("sec-fetch-site", "same-site"),
                ],
                true,
                false,
            ),
        ];
        for &(headers, local, elsewhere) in cases {
            let mut map = HeaderMap::new();
            map.insert(header::HOST, HeaderValue::from_static("netmaster:9630"));
            for &(name, value) in headers {
                map.append(name, HeaderValue::from_static(value));
            }
            assert_eq!(check_page(&map, true).is_ok(), local, "{headers:?}");
            assert_eq!(check_page(&map, false).is_ok(), elsewhere, "{headers:?}");
        }
    }
}

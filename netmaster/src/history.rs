//! Who held an address: past holdings from the store, and the present one from the catalog.

use std::net::IpAddr;

use trunkline_ipam::{AddressState, Catalog, Holding, Object, Revision, Timestamp};
use trunkline_netmaster_api as api;

use crate::store::{HOLDINGS, Reader, StoreError, decode};

/// How many holdings are read at a time.
const PAGE: usize = 500;

/// Up to `limit` past holdings of `ip` that ended after revision `after`, oldest first.
pub(crate) async fn past(
    reader: &Reader,
    ip: IpAddr,
    after: Revision,
    limit: usize,
) -> Result<Vec<Holding>, StoreError> {
    let prefix = format!("{HOLDINGS}{ip}/");
    let after = format!("{prefix}{:020}", after.number());
    let page = reader.scan(&prefix, Some(&after), limit).await?;
    let holdings = page.iter().map(|(key, value)| decode(key, value));
    holdings
        .filter_map(|object| match object {
            Ok(Object::Holding(holding)) => Some(Ok(holding.as_ref().clone())),
            Ok(_) => None,
            Err(error) => Some(Err(error.into())),
        })
        .collect()
}

/// The past holding of `ip` during which `at` was.
pub(crate) async fn past_at(
    reader: &Reader,
    ip: IpAddr,
    at: Timestamp,
) -> Result<Option<Holding>, StoreError> {
    let mut after = Revision::ZERO;
    loop {
        let page = past(reader, ip, after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        after = last.revision;
        let found = page.into_iter().find(|one| one.from <= at && at < one.to);
        if found.is_some() {
            return Ok(found);
        }
    }
}

/// Who holds `ip` now, if anybody. An address that lies in a node's reserve is nobody's yet.
pub(crate) fn present(catalog: &Catalog, ip: IpAddr) -> Option<api::Holding> {
    let address = catalog.address(ip)?;
    let base = |node| api::Holding {
        attachment: None,
        pod: None,
        node,
        network: address.network.clone(),
        mac: None,
        from: address.since.unix_seconds(),
        to: None,
        reason: None,
    };
    match &address.state {
        AddressState::Bound { attachment } => {
            let endpoint = catalog.endpoint(attachment)?;
            Some(api::Holding {
                attachment: Some(attachment.clone()),
                pod: endpoint.pod.clone(),
                mac: Some(endpoint.mac),
                ..base(endpoint.node.clone())
            })
        }
        AddressState::Node { node } => Some(base(node.clone())),
        AddressState::Leased { .. } | AddressState::Released { .. } => None,
    }
}

/// A past holding as it goes over the wire.
pub(crate) fn view(holding: Holding) -> api::Holding {
    api::Holding {
        attachment: holding.attachment,
        pod: holding.pod,
        node: holding.node,
        network: holding.network,
        mac: holding.mac,
        from: holding.from.unix_seconds(),
        to: Some(holding.to.unix_seconds()),
        reason: Some(holding.reason),
    }
}

/// A point in time as people and programs write it: seconds since 1970, or RFC 3339.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse() {
        return Some(Timestamp::from_unix_seconds(seconds));
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    let seconds = u64::try_from(time.as_second()).ok()?;
    Some(Timestamp::from_unix_seconds(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_seconds_or_rfc_3339() {
        let expected = Some(Timestamp::from_unix_seconds(1_700_000_000));
        for text in [
            "1700000000",
            "2023-11-14T22:13:20Z",
            "2023-11-14T23:13:20+01:00",
            "2023-11-14T22:13:20.999Z",
        ] {
            assert_eq!(parse_time(text), expected, "{text}");
        }
        for text in ["", "yesterday", "-1", "2023-11-14", "1969-12-31T23:59:59Z"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}

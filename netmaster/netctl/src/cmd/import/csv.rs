//! Who has which address, as lines of comma-separated values (RFC 4180).

use std::fmt::Display;
use std::str::FromStr;

use trunkline_netmaster_api::AdoptedAddress;
use trunkline_types::Pod;

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: usize,
    pub(super) address: AdoptedAddress,
}

/// The columns that there may be.
const COLUMNS: [&str; 6] = ["ip", "mac", "pod", "attachment", "node", "owner"];

/// How many lines are named that something is wrong with.
pub(super) const NAMED: usize = 20;

/// The lines of `text` below the one that names the columns.
pub(super) fn lines(text: &str) -> Result<Vec<Line>, String> {
    let mut rows = rows(text)?.into_iter();
    let heads = loop {
        match rows.next() {
            Some((_, heads)) if heads.iter().all(String::is_empty) => {}
            Some((_, heads)) => break columns(&heads)?,
            None => return Err("it is empty: begin with the columns, like `ip,pod`".to_owned()),
        }
    };
    let mut lines = Vec::new();
    let mut wrong = Vec::new();
    for (number, row) in rows {
        if row.iter().all(String::is_empty) {
            continue;
        }
        match address(&heads, &row) {
            Ok(address) => lines.push(Line { number, address }),
            Err(why) => wrong.push(format!("line {number}: {why}")),
        }
    }
    if wrong.is_empty() {
        return Ok(lines);
    }
    let count = wrong.len();
    wrong.truncate(NAMED);
    if count > NAMED {
        wrong.push(format!("and {} more", count - NAMED));
    }
    Err(format!(
        "{count} line(s) cannot be read\n  {}",
        wrong.join("\n  ")
    ))
}

fn columns(heads: &[String]) -> Result<Vec<&'static str>, String> {
    let mut columns = Vec::new();
    for head in heads {
        let known = COLUMNS
            .iter()
            .find(|column| column.eq_ignore_ascii_case(head.trim()));
        match known {
            Some(column) if columns.contains(column) => {
                return Err(format!("column `{column}` is there twice: leave one out"));
            }
            Some(column) => columns.push(*column),
            None => {
                return Err(format!(
                    "column `{}` is not known: use {}",
                    head.escape_debug(),
                    COLUMNS.join(", ")
                ));
            }
        }
    }
    match columns.contains(&"ip") {
        true => Ok(columns),
        false => Err("there is no column `ip`: name one in the first line".to_owned()),
    }
}

fn address(heads: &[&str], row: &[String]) -> Result<AdoptedAddress, String> {
    if row.len() != heads.len() {
        return Err(format!(
            "it has {} value(s), and there are {} columns: write one for each, if only nothing",
            row.len(),
            heads.len()
        ));
    }
    let cell = |name: &str| {
        let place = heads.iter().position(|head| *head == name)?;
        let text = row.get(place)?.trim();
        (!text.is_empty()).then_some(text)
    };
    let ip = cell("ip").ok_or("it has no `ip`")?;
    Ok(AdoptedAddress {
        ip: ip
            .parse()
            .map_err(|_| format!("`{}` is not an IP address", ip.escape_debug()))?,
        mac: cell("mac").map(parsed).transpose()?,
        pod: cell("pod").map(pod).transpose()?,
        attachment: cell("attachment").map(parsed).transpose()?,
        // Of what is not on an interface, the node does not matter.
        node: cell("attachment")
            .and(cell("node"))
            .map(parsed)
            .transpose()?,
        owner: cell("owner").unwrap_or_default().to_owned(),
    })
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn pod(text: &str) -> Result<Pod, String> {
    let (namespace, name) = text.split_once('/').ok_or_else(|| {
        format!(
            "`{}` is no pod: write `<namespace>/<name>`",
            text.escape_debug()
        )
    })?;
    Ok(Pod {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}

/// Rows of values with the number of the line that each begins in.
fn rows(text: &str) -> Result<Vec<(usize, Vec<String>)>, String> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut value = String::new();
    let (mut number, mut begin) = (1, 1);
    let mut quoted = false;
    // What spreadsheets put in front of UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                value.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if value.is_empty() => quoted = true,
            ',' if !quoted => row.push(std::mem::take(&mut value)),
            '\r' if !quoted && rest.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut value));
                rows.push((begin, std::mem::take(&mut row)));
                number += 1;
                begin = number;
            }
            other => {
                number += usize::from(other == '\n');
                value.push(other);
            }
        }
    }
    if quoted {
        return Err(format!("line {begin}: a quote is opened and not closed"));
    }
    if !value.is_empty() || !row.is_empty() {
        row.push(value);
        rows.push((begin, row));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_by_the_names_of_their_columns() {
        let text = "\u{feff}owner,IP,pod,mac\r\n\"Rack 7, \"\"old\"\"\",10.1.0.7,,\r\n\r\n\
                    ,fd00::7,shop/db-0,02:00:00:00:00:07\r\n";
        let lines = lines(text).unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].number, 2);
        assert_eq!(lines[0].address.owner, "Rack 7, \"old\"");
        assert_eq!(lines[0].address.pod, None);
        assert_eq!(lines[1].number, 4);
        assert_eq!(
            lines[1].address.pod.as_ref().unwrap().to_string(),
            "shop/db-0"
        );
        assert_eq!(
            lines[1].address.mac.unwrap().to_string(),
            "02:00:00:00:00:07"
        );
    }

    #[test]
    fn a_node_counts_only_with_an_attachment() {
        let lines = lines("ip,node,attachment\n10.1.0.7,n1,\n10.1.0.8,n1,c1/eth0\n").unwrap();
        assert_eq!(lines[0].address.node, None);
        assert_eq!(lines[1].address.node.as_ref().unwrap().as_str(), "n1");
    }

    #[test]
    fn every_line_that_cannot_be_read_is_named() {
        let text = "ip,pod\n10.1.0.7\n10.1.0.256,a/b\n10.1.0.8,ab\n,a/b\n10.1.0.9,a/b\n";
        let error = lines(text).unwrap_err();
        for part in [
            "4 line(s) cannot be read",
            "line 2: it has 1 value(s), and there are 2 columns",
            "line 3: `10.1.0.256` is not an IP address",
            "line 4: `ab` is no pod",
            "line 5: it has no `ip`",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn what_is_no_table_of_addresses_is_refused() {
        for (text, part) in [
            ("", "it is empty"),
            ("\n\n", "it is empty"),
            ("10.1.0.7,shop/db-0\n", "column `10.1.0.7` is not known"),
            ("pod\n", "there is no column `ip`"),
            ("ip,ip\n", "is there twice"),
            ("ip\n\"10.1.0.7\n", "line 2: a quote is opened"),
        ] {
            let error = lines(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}

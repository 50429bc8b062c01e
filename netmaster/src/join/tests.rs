use rcgen::BasicConstraints;
use tempfile::TempDir;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const DAY: u64 = 24 * 3600;

/// An authority that ends so many days from now, in files.
fn authority(directory: &TempDir, days: i64, is_ca: bool) -> NodeAuthority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params.not_before = at(1_700_000_000).unwrap();
    params.not_after = time(NOW).unwrap() + time::Duration::days(days);
    let certificate = params.self_signed(&key).unwrap().pem();
    let path = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    NodeAuthority {
        certificate: path("ca.pem", &certificate),
        key: path("ca.key", &key.serialize_pem()),
        life: Duration::from_secs(30 * DAY),
    }
}

/// A request that asks for everything.
fn greedy() -> String {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["netmaster.example".to_owned()]).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "admin:root");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.serialize_request(&key).unwrap().pem().unwrap()
}

fn issue(authority: &NodeAuthority) -> Result<NodeCertificate, IssueError> {
    let request = Request::read(&greedy())?;
    let issued = authority.issue(&"n17".parse().unwrap(), &request, NOW, None)?;
    Ok(issued.certificate)
}

#[test]
fn a_node_gets_its_own_name_and_nothing_that_it_asked_for() {
    let directory = TempDir::new().unwrap();
    let authority = authority(&directory, 1000, true);
    let issued = issue(&authority).unwrap();
    assert_eq!(issued.not_before, NOW.unix_seconds() - 300);
    assert_eq!(issued.not_after, NOW.unix_seconds() + 30 * DAY);
    let der = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let (_, parsed) = X509Certificate::from_der(&der).unwrap();
    assert_eq!(parsed.subject().to_string(), "CN=node:n17");
    assert!(!parsed.is_ca());
    assert!(parsed.subject_alternative_name().unwrap().is_none());
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth);
    let ca = fs::read(&authority.certificate).unwrap();
    let ca = CertificateDer::from_pem_slice(&ca).unwrap();
    let (_, ca) = X509Certificate::from_der(&ca).unwrap();
    parsed.verify_signature(Some(ca.public_key())).unwrap();
    assert_eq!(issued.certificate.matches("BEGIN").count(), 1);
}

#[test]
fn a_certificate_is_not_dated_back_to_when_those_of_its_node_were_void() {
    let directory = TempDir::new().unwrap();
    let authority = authority(&directory, 1000, true);
    let request = Request::read(&greedy()).unwrap();
    let node = "n17".parse().unwrap();
    let issue = |earliest| {
        authority
            .issue(&node, &request, NOW, Some(earliest))
            .unwrap()
    };
    let minute_ago = Timestamp::from_unix_seconds(NOW.unix_seconds() - 60);
    assert_eq!(issue(minute_ago).valid_from(), minute_ago);
    let day_ago = Timestamp::from_unix_seconds(NOW.unix_seconds() - DAY);
    let issued = issue(day_ago);
    let dated_back = Timestamp::from_unix_seconds(NOW.unix_seconds() - 300);
    assert_eq!(issued.valid_from(), dated_back);
    let pem = issued.certificate.certificate.as_bytes();
    let der = CertificateDer::from_pem_slice(pem).unwrap();
    let (_, parsed) = X509Certificate::from_der(&der).unwrap();
    let serial = parsed.raw_serial_as_string().replace(':', "");
    let digits = |serial: &str| serial.trim_start_matches('0').to_owned();
    assert_eq!(digits(&serial), digits(&issued.serial));
}

#[test]
fn a_certificate_of_minutes_is_dated_back_by_no_more_than_half_its_life() {
    let directory = TempDir::new().unwrap();
    let mut authority = authority(&directory, 1000, true);
    authority.life = Duration::from_secs(60);
    let issued = issue(&authority).unwrap();
    assert_eq!(issued.not_before, NOW.unix_seconds() - 30);
    assert_eq!(issued.not_after, NOW.unix_seconds() + 60);
}

#[test]
fn a_certificate_does_not_outlive_its_authority() {
    let directory = TempDir::new().unwrap();
    let issued = issue(&authority(&directory, 3, true)).unwrap();
    assert_eq!(issued.not_after, NOW.unix_seconds() + 3 * DAY);
    let expired = issue(&authority(&directory, 0, true)).unwrap_err();
    assert!(matches!(expired, IssueError::Expired { .. }), "{expired}");
}

#[test]
fn what_is_no_authority_signs_nothing_and_the_error_does_not_quote_its_key() {
    let directory = TempDir::new().unwrap();
    let error = issue(&authority(&directory, 10, false)).unwrap_err();
    assert!(error.to_string().contains("ca.pem"), "{error}");
    let good = authority(&directory, 10, true);
    let other = KeyPair::generate().unwrap().serialize_pem();
    for key in [
        other.as_str(),
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n",
        "",
    ] {
        fs::write(&good.key, key).unwrap();
        let error = good.check(NOW).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("ca.key") && !text.contains("c2VjcmV0"),
            "{text}"
        );
    }
    fs::remove_file(&good.key).unwrap();
    assert!(matches!(good.check(NOW), Err(IssueError::Read { .. })));
}

#[test]
fn a_request_is_signed_with_the_key_that_is_in_it() {
    let request = greedy();
    assert_ne!(
        Request::read(&request).unwrap().key(),
        Request::read(&greedy()).unwrap().key()
    );
    let forged: Vec<&str> = request.lines().collect();
    // The last line has the end of the signature.
    let last = forged.len() - 2;
    let mut lines: Vec<String> = forged.iter().map(|line| (*line).to_owned()).collect();
    let first = lines[last - 1].chars().next().unwrap();
    lines[last - 1].replace_range(..1, if first == 'A' { "B" } else { "A" });
    for bad in [lines.join("\n"), String::new(), "hello".to_owned()] {
        let error = Request::read(&bad).unwrap_err();
        assert!(matches!(error, IssueError::Request), "{error}");
    }
}

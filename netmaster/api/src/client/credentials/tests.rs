use super::*;
use crate::Client;

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn token(text: &str) -> Result<Option<String>, CredentialsError> {
    let file = file(text);
    let credentials = Credentials {
        token: Some(file.path().to_owned()),
        ..Credentials::default()
    };
    credentials.token()
}

#[test]
fn a_token_is_one_line_of_a_file() {
    assert_eq!(token("s3cret\n").unwrap().as_deref(), Some("s3cret"));
    assert!(Credentials::default().token().unwrap().is_none());
    for none in ["", "\n", "two lines\n", "two\nlines", "caf\u{e9}"] {
        assert!(token(none).is_err(), "{none:?}");
    }
}

#[test]
fn an_error_names_the_file_and_never_what_is_in_it() {
    let key = file("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END");
    let certificate = file("nothing");
    for (name, credentials) in [
        (
            "ca",
            Credentials {
                ca: Some(certificate.path().to_owned()),
                ..Credentials::default()
            },
        ),
        (
            "pair",
            Credentials {
                certificate: Some((key.path().to_owned(), key.path().to_owned())),
                ..Credentials::default()
            },
        ),
    ] {
        let error = credentials.tls().unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("/tmp") || text.contains(".tmp"),
            "{name}: {text}"
        );
        assert!(
            !text.contains("c2VjcmV0") && !text.contains("nothing"),
            "{text}"
        );
    }
}

#[test]
fn somebody_has_to_be_trusted_and_a_token_is_for_nobody_in_between() {
    let token = file("s3cret");
    let tokens = Credentials {
        token: Some(token.path().to_owned()),
        ..Credentials::default()
    };
    let with = |url, credentials: &Credentials| Client::with(url, credentials.clone());
    for url in [
        "http://127.0.0.1:9630",
        "http://[::1]:9630",
        "http://localhost:9630",
    ] {
        assert!(with(url, &tokens).is_ok(), "{url}");
    }
    for url in ["http://10.0.0.1:9630", "http://localhost.example:9630"] {
        let error = with(url, &tokens).unwrap_err();
        assert!(matches!(error, ClientError::TokenInClear { .. }), "{error}");
        assert!(with(url, &Credentials::default()).is_ok(), "{url}");
    }
    let error = with("https://10.0.0.1:9630", &tokens).unwrap_err();
    assert!(
        matches!(error, ClientError::NobodyTrusted { .. }),
        "{error}"
    );
    for url in ["ftp://10.0.0.1", "https:", "10.0.0.1:9630"] {
        let error = with(url, &Credentials::default()).unwrap_err();
        assert!(
            matches!(error, ClientError::BaseUrl { .. }),
            "{url}: {error}"
        );
    }
}

#[test]
fn a_token_in_no_file_is_sent_to_nobody_in_between_and_never_shown() {
    let client = |url| Client::new(url).unwrap();
    let here = client("http://127.0.0.1:9630")
        .with_token("s3cret")
        .unwrap();
    assert!(!format!("{here:?}").contains("s3cret"));
    let away = client("http://10.0.0.1:9630").with_token("s3cret");
    let error = away.unwrap_err();
    assert!(matches!(error, ClientError::TokenInClear { .. }), "{error}");
    let odd = client("http://127.0.0.1:9630").with_token("s3 cret");
    assert!(!odd.unwrap_err().to_string().contains("s3"));
}

#[test]
fn without_files_there_is_no_tls_and_no_error() {
    assert!(Credentials::default().tls().is_ok());
}

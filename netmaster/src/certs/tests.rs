use std::os::unix::fs::PermissionsExt as _;

use time::Duration;

use super::fixture::Scene;

#[test]
fn an_authority_is_made_once_and_its_key_is_its_owners() {
    let scene = Scene::with_authority();
    let mode = scene
        .path("ca.key")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = scene.text("ca.key");
    let error = scene.run("init").unwrap_err().to_string();
    assert!(
        error.contains("ca.pem") && error.contains("exists"),
        "{error}"
    );
    assert_eq!(scene.text("ca.key"), before);
}

#[test]
fn a_certificate_is_issued_once_and_its_key_is_its_owners() {
    let scene = Scene::with_authority();
    let said = scene.run("issue node:n1 --days 10").unwrap();
    assert!(said.contains("node-n1.pem"), "{said}");
    let key = scene.path("node-n1.key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let left = scene.found("node-n1.pem").until - scene.now;
    assert!(
        (left - Duration::days(10)).abs() < Duration::minutes(1),
        "{left}"
    );
    let error = scene.run("issue node:n1").unwrap_err().to_string();
    assert!(error.contains("rotate"), "{error}");
}

#[test]
fn only_who_can_have_a_certificate_gets_one_and_only_replicas_serve() {
    let scene = Scene::with_authority();
    for (line, part) in [
        ("issue token:ci", "`token:ci`"),
        ("issue local", "`local`"),
        ("issue node:n1 --san n1.example", "`node:n1`"),
        (
            "issue cluster:orchestrator --san o.example",
            "`replica:<name>`",
        ),
        ("issue replica:m1 --san a_b", "`a_b`"),
        ("issue replica:m1 --san ..", "`..`"),
    ] {
        let error = scene.run(line).unwrap_err().to_string();
        assert!(error.contains(part), "{line}: {error}");
    }
    scene
        .run("issue replica:m1 --san m1.example --san 10.0.0.1 --san fd00::1")
        .unwrap();
    scene.run("issue cluster:orchestrator").unwrap();
}

#[test]
fn without_an_authority_nothing_is_issued() {
    let error = Scene::new().run("issue node:n1").unwrap_err().to_string();
    assert!(
        error.contains("ca.pem") && error.contains("--dir"),
        "{error}"
    );
}

#[test]
fn what_ends_soon_is_renewed_and_says_the_same() {
    let mut scene = Scene::with_authority();
    scene
        .run("issue replica:m1 --san m1.example --san 10.0.0.1 --days 90")
        .unwrap();
    scene.run("issue node:n1 --days 365").unwrap();
    let before = [scene.found("replica-m1.pem"), scene.found("node-n1.pem")];
    let key = scene.text("replica-m1.key");
    scene.now += Duration::days(61);
    let said = scene.run("rotate").unwrap();
    assert_eq!(said.lines().count(), 2, "{said}");
    let after = [scene.found("replica-m1.pem"), scene.found("node-n1.pem")];
    assert_eq!(after[1], before[1]);
    assert_eq!(after[0].leaf, before[0].leaf);
    assert_ne!(scene.text("replica-m1.key"), key);
    assert_eq!(after[0].until - before[0].until, Duration::days(61));
    let partial = std::fs::read_dir(scene.directory.path()).unwrap();
    let partial = partial.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_str().unwrap().contains("partial")
    });
    assert_eq!(partial.count(), 0);
}

#[test]
fn nothing_outlives_its_authority() {
    let scene = Scene::new();
    scene.run("init --days 5").unwrap();
    scene.run("issue node:n1 --days 90").unwrap();
    let left = scene.found("node-n1.pem").until - scene.now;
    assert!(left <= Duration::days(5), "{left}");
}

#[test]
fn a_new_authority_is_trusted_beside_the_one_before_until_that_ends() {
    let mut scene = Scene::new();
    scene.run("init --days 10").unwrap();
    let first = scene.text("ca.pem");
    scene.run("rotate --ca").unwrap();
    let both = scene.text("ca.pem");
    assert!(both.ends_with(&first) && both.len() > first.len(), "{both}");
    scene.run("issue node:n1").unwrap();
    scene.now += Duration::days(11);
    scene.run("rotate --ca").unwrap();
    let text = scene.text("ca.pem");
    assert!(!text.contains(&first));
    assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2, "{text}");
}

#[test]
fn what_is_revoked_stays_so_and_only_the_authority_revokes() {
    let scene = Scene::with_authority();
    for name in ["n1", "n2"] {
        scene.run(&format!("issue node:{name}")).unwrap();
    }
    let [n1, n2] = ["node-n1.pem", "node-n2.pem"].map(|name| scene.path(name));
    assert!(
        scene
            .run(&format!("revoke {}", n1.display()))
            .unwrap()
            .contains("has 1 ")
    );
    assert!(
        scene
            .run(&format!("revoke {}", n2.display()))
            .unwrap()
            .contains("has 2 ")
    );
    assert!(
        scene
            .run(&format!("revoke {}", n1.display()))
            .unwrap()
            .contains("has 2 ")
    );
    // The number is as good as the certificate.
    let number = scene.found("node-n1.pem").serial;
    let digits = number.bytes().iter().map(|byte| format!("{byte:02x}"));
    let digits: String = digits.collect();
    let again = scene.run(&format!("revoke --serial {digits}")).unwrap();
    assert!(again.contains("has 2 "), "{again}");
    let more = scene.run("revoke --serial 4f00c2 --serial 4f00c2").unwrap();
    assert!(more.contains("has 3 "), "{more}");
    let other = Scene::with_authority();
    let error = other.run(&format!("revoke {}", n1.display())).unwrap_err();
    assert!(error.to_string().contains("not signed by"), "{error}");
    // Those of an authority before are kept beside its own.
    scene.run("rotate --ca").unwrap();
    scene.run("issue node:n3").unwrap();
    let n3 = scene.path("node-n3.pem");
    assert!(
        scene
            .run(&format!("revoke {}", n3.display()))
            .unwrap()
            .contains("has 1 ")
    );
    assert_eq!(scene.text("ca.crl").matches("BEGIN X509 CRL").count(), 2);
}

#[test]
fn a_broken_key_is_not_quoted() {
    let scene = Scene::with_authority();
    std::fs::write(scene.path("ca.key"), "my secret").unwrap();
    let error = scene.run("issue node:n1").unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("ca.key") && !text.contains("my secret"),
        "{text}"
    );
    // Nor is the key of another authority taken.
    std::fs::write(scene.path("ca.key"), Scene::with_authority().text("ca.key")).unwrap();
    assert!(scene.run("issue node:n1").is_err());
}

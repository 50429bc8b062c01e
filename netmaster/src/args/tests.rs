use std::time::Duration;

use clap::CommandFactory as _;
use trunkline_ipam::Policy;
use trunkline_netmaster_api::Credentials;

use super::*;
use crate::store::EtcdConfig;

fn config(flags: &[&str]) -> Result<ServeConfig, ConfigError> {
    let flags = ["netmaster", "serve"].iter().chain(flags);
    match Args::try_parse_from(flags).unwrap().command {
        Command::Serve(args) => args.config(),
        other => panic!("{other:?}"),
    }
}

fn etcd(flags: &[&str]) -> Result<EtcdConfig, ConfigError> {
    let flags = [&["--store", "etcd"], flags].concat();
    match config(&flags)?.store {
        StoreConfig::Etcd(config) => Ok(config),
        other => panic!("{other:?}"),
    }
}

#[test]
fn etcd_is_used_as_the_flags_say() {
    let flags = [
        "--etcd-endpoints",
        "https://a:2379,b:2379",
        "--etcd-endpoints=c:2379",
        "--etcd-ca=/ca",
        "--etcd-cert=/cert",
        "--etcd-key=/key",
        "--etcd-user=netmaster",
        "--etcd-password-file=/password",
        "--lease-ttl=5",
    ];
    let expected = EtcdConfig {
        endpoints: ["https://a:2379", "b:2379", "c:2379"]
            .map(str::to_owned)
            .into(),
        prefix: "/trunkline".to_owned(),
        ca: Some("/ca".into()),
        identity: Some(("/cert".into(), "/key".into())),
        user: Some(("netmaster".to_owned(), "/password".into())),
        lease: Duration::from_secs(5),
        start: EtcdConfig::START,
    };
    assert_eq!(etcd(&flags), Ok(expected));
    assert_eq!(
        etcd(&["--etcd-endpoints=a:2379"]).unwrap().lease,
        Duration::from_secs(3)
    );
}

#[test]
fn flags_that_contradict_each_other_are_refused_by_name() {
    let a = "--etcd-endpoints=http://a:2379";
    for (flags, text) in [
        (&["--store=etcd"][..], "--etcd-endpoints"),
        (&["--store=etcd", a, "--data-dir=/d"], "--data-dir"),
        (&["--store=etcd", a, "--etcd-ca=/ca"], "`http://a:2379`"),
        (
            &["--store=etcd", "--etcd-endpoints=https://a"],
            "`https://a`",
        ),
        (&["--store=etcd", a, "--etcd-prefix=rooms"], "`rooms`"),
        (&["--store=etcd", a, "--etcd-prefix=/rooms/"], "`/rooms/`"),
        (
            &["--store=etcd", a, "--listen=0.0.0.0:1", "--allow-plaintext"],
            "--advertise",
        ),
        (
            &["--store=etcd", "--etcd-endpoints=ftp://a:21"],
            "`ftp://a:21`",
        ),
        (&["--store=etcd", "--etcd-endpoints=http://"], "`http://`"),
        (&["--store=etcd", "--etcd-endpoints=a b"], "`a b`"),
        (
            &["--store=etcd", "--etcd-endpoints=http://a:2379/path"],
            "`http://a:2379/path`",
        ),
        (&[a], "--store etcd"),
        (&["--advertise=http://a"], "--store etcd"),
    ] {
        let error = config(flags).unwrap_err().to_string();
        assert!(error.contains(text), "{flags:?}: {error}");
    }
}

#[test]
fn the_help_tells_the_common_ways_in_commands_that_work() {
    let help = Args::command().render_help().to_string();
    assert!(help.contains(EXAMPLES), "{help}");
    let joined = EXAMPLES.replace("\\\n", "");
    let mut seen = Vec::new();
    for line in joined.lines() {
        let Some(line) = line.strip_prefix("  netmaster ") else {
            continue;
        };
        let flags = ["netmaster"].into_iter().chain(line.split_whitespace());
        let args = Args::try_parse_from(flags);
        let args = args.unwrap_or_else(|error| panic!("{line}: {error}"));
        seen.push(match args.command {
            Command::Serve(args) => {
                let ServeConfig { store, options, .. } = args.config().unwrap();
                match store {
                    StoreConfig::Embedded { .. } => "serve",
                    StoreConfig::Etcd(config) => {
                        assert!(config.ca.is_some() && config.endpoints.len() == 3);
                        // Whoever copies it has not opened the API to everybody.
                        assert!(options.tls.is_some());
                        "serve on etcd"
                    }
                }
            }
            Command::Backup(_) => "backup",
            Command::Restore(_) => "restore",
            Command::Certs(_) => "certs",
        });
    }
    let expected = [
        "serve",
        "serve on etcd",
        "certs",
        "certs",
        "backup",
        "backup",
        "restore",
        "restore",
    ];
    assert!(!help.contains("--allow-plaintext"), "{help}");
    assert_eq!(seen, expected);
}

#[test]
fn half_a_pair_is_wrong_usage() {
    for flags in [
        "--etcd-cert=/c",
        "--etcd-key=/k",
        "--etcd-user=u",
        "--etcd-password-file=/p",
        "--lease-ttl=1",
    ] {
        let flags = [
            "netmaster",
            "serve",
            "--store=etcd",
            "--etcd-endpoints=a",
            flags,
        ];
        assert!(Args::try_parse_from(flags).is_err(), "{flags:?}");
    }
}

#[test]
fn without_flags_only_this_machine_is_served() {
    let config = config(&[]).unwrap();
    assert_eq!(config.listen, ["127.0.0.1:9630".parse().unwrap()]);
}

#[test]
fn without_flags_the_policy_is_the_default_one() {
    assert_eq!(config(&[]).unwrap().options.policy, Policy::default());
}

#[test]
fn addresses_cool_down_for_as_long_as_the_flag_says() {
    for (flag, expected) in [("0", 0), ("5", 5), ("86400", 86_400)] {
        let policy = config(&["--cool-down", flag]).unwrap().options.policy;
        assert_eq!(policy.cool_down, Duration::from_secs(expected));
    }
    for flag in ["86401", "-1", "1m"] {
        let flags = ["netmaster", "serve", &format!("--cool-down={flag}")];
        assert!(Args::try_parse_from(flags).is_err(), "{flag}");
    }
}

#[test]
fn with_a_certificate_any_address_is_served_and_other_replicas_are_asked_with_it() {
    let flags = [
        "--listen=10.0.0.1:9630",
        "--tls-cert=/c",
        "--tls-key=/k",
        "--tls-client-ca=/ca",
    ];
    let options = config(&flags).unwrap().options;
    let tls = options.tls.unwrap();
    assert_eq!((tls.certificate, tls.key), ("/c".into(), "/k".into()));
    assert_eq!((tls.client_ca, tls.crl), ("/ca".into(), None));
    let own = Credentials {
        ca: Some("/ca".into()),
        certificate: Some(("/c".into(), "/k".into())),
        token: None,
    };
    assert_eq!(options.cluster, own);
    let others = [
        "--cluster-cert=/cc",
        "--cluster-key=/ck",
        "--cluster-ca=/cca",
        "--tls-crl=/crl",
    ];
    let options = config(&[&flags[..], &others].concat()).unwrap().options;
    assert_eq!(options.tls.unwrap().crl, Some("/crl".into()));
    assert_eq!(options.cluster.ca, Some("/cca".into()));
    let pair = Some(("/cc".into(), "/ck".into()));
    assert_eq!(options.cluster.certificate, pair);
}

#[test]
fn a_part_of_what_tls_needs_is_wrong_usage() {
    for flags in [
        &["--tls-cert=/c"][..],
        &["--tls-cert=/c", "--tls-key=/k"],
        &["--tls-cert=/c", "--tls-client-ca=/ca"],
        &["--tls-crl=/crl"],
        &["--cluster-cert=/c", "--cluster-key=/k"],
        &[
            "--tls-cert=/c",
            "--tls-key=/k",
            "--tls-client-ca=/ca",
            "--allow-plaintext",
        ],
        &["--max-rate=0"],
    ] {
        let flags = [&["netmaster", "serve"], flags].concat();
        assert!(Args::try_parse_from(&flags).is_err(), "{flags:?}");
    }
}

#[test]
fn an_open_address_needs_leave() {
    let both = ["--listen", "127.0.0.1:1", "--listen", "10.0.0.1:9630"];
    let error = config(&both).unwrap_err().to_string();
    assert!(
        error.contains("`10.0.0.1:9630`")
            && error.contains("no TLS")
            && error.contains("--allow-plaintext"),
        "{error}"
    );
    let leave = [&both[..], &["--allow-plaintext"]].concat();
    assert_eq!(config(&leave).unwrap().listen.len(), 2);
    assert!(config(&["--listen", "[::]:9630"]).is_err());
    assert!(config(&["--listen", "[::1]:9630"]).is_ok());
}

//! Input that nobody should give: each gets an error that names the value and the way out, and
//! leaves nothing behind.

use super::one_rack::expect_nothing_left;
use super::{Context, Scenario};
use crate::lab::{Lab, Pod};

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    Scenario::new(
        "skeleton",
        "bad_input::netctl_refuses_and_changes_nothing",
        netctl_refuses_and_changes_nothing,
    ),
    Scenario::new(
        "skeleton",
        "bad_input::a_full_subnet_is_said",
        a_full_subnet_is_said,
    ),
    Scenario::new(
        "skeleton",
        "bad_input::the_cni_executable_answers_with_the_right_code",
        the_cni_executable_answers_with_the_right_code,
    ),
];

/// Bad command lines, what the message must name, and part of the way out.
const BAD_COMMANDS: &[(&str, &[&str])] = &[
    ("network create red --vlan 0", &["0", "1–4094"]),
    ("network create red --vlan 4095", &["4095", "1–4094"]),
    (
        "network create red --vlan 300 --mtu 70000",
        &["70000", "1280–9216"],
    ),
    ("network create Red! --vlan 300", &["Red!", "a–z"]),
    (
        "network create blue --vlan 300",
        &["blue", "netctl network"],
    ),
    ("network create red --vlan 100", &["100", "blue"]),
    (
        "subnet create s --network red --cidr 10.3.0.0/24 --gateway 10.3.0.254",
        &["red", "netctl network"],
    ),
    (
        "subnet create s --network blue --cidr 10.3.0.7/24 --gateway 10.3.0.254",
        &["10.3.0.7/24", "10.3.0.0/24"],
    ),
    (
        "subnet create s --network blue --cidr 10.3.0.0/24 --gateway 10.4.0.254",
        &["10.4.0.254", "10.3.0.0/24"],
    ),
    (
        "subnet create s --network blue --cidr 10.3.0.0/24 --gateway 10.3.0.254 --range 10.3.0.5-10.4.0.9",
        &["10.3.0.5-10.4.0.9", "10.3.0.0/24"],
    ),
    (
        "subnet create s --network blue --cidr 10.3.0.0/24 --gateway 10.3.0.254 --range 10.3.0.9-10.3.0.5",
        &["10.3.0.9", "10.3.0.5"],
    ),
    (
        "subnet create s --network blue --cidr 10.1.0.128/25 --gateway 10.1.0.129",
        &["10.1.0.128/25", "blue-r1"],
    ),
    (
        "subnet create s --network blue --cidr 10.0.0.0/8 --gateway 10.0.0.1",
        &["10.0.0.0/8", "-r1"],
    ),
    (
        "subnet create blue-r1 --network blue --cidr 10.3.0.0/24 --gateway 10.3.0.254",
        &["blue-r1"],
    ),
    ("network rm nosuch", &["nosuch", "netctl network ls"]),
    ("network rm blue", &["blue", "blue-r1"]),
    ("subnet rm nosuch", &["nosuch", "netctl subnet ls"]),
    (
        "endpoint show nosuch/eth0",
        &["nosuch/eth0", "netctl endpoint ls"],
    ),
    ("endpoint show noslash", &["noslash"]),
];

fn netctl_refuses_and_changes_nothing(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let before = objects(lab)?;
    for (line, expected) in BAD_COMMANDS {
        let args: Vec<_> = line.split_whitespace().collect();
        let finished = lab.netmaster().try_netctl(&args)?;
        anyhow::ensure!(!finished.status.success(), "`netctl {line}` succeeded");
        for part in *expected {
            anyhow::ensure!(
                finished.stderr.contains(part),
                "the error of `netctl {line}` does not name {part}: {}",
                finished.stderr
            );
        }
    }
    let after = objects(lab)?;
    anyhow::ensure!(
        before == after,
        "refused commands changed {before} to {after}"
    );
    Ok(())
}

fn objects(lab: &Lab) -> anyhow::Result<String> {
    let nouns = ["network", "subnet", "endpoint"].iter();
    nouns
        .map(|noun| lab.netmaster().netctl(&[noun, "ls", "-o", "json"]))
        .collect()
}

fn a_full_subnet_is_said(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    lab.configure(&[
        "network create tiny --vlan 300",
        "subnet create tiny-r1 --network tiny --cidr 10.3.0.0/30 --gateway 10.3.0.1 --rack r1",
    ])?;
    let node = lab.node("node1");
    let first = Pod::create("t1")?;
    node.cni("ADD", &first, "tiny")?.success()?;
    let second = Pod::create("t2")?;
    let (code, text) = node.cni("ADD", &second, "tiny")?.refusal()?;
    anyhow::ensure!(code == 100 && text.contains("`tiny"), "code {code}: {text}");
    anyhow::ensure!(text.contains("netctl"), "no way out in: {text}");
    node.cni("DEL", &first, "tiny")?.success()?;
    // What was given back cools down, except for the pod that had it.
    let (code, text) = node.cni("ADD", &second, "tiny")?.refusal()?;
    anyhow::ensure!(
        code == 100 && text.contains("released"),
        "code {code}: {text}"
    );
    node.cni("ADD", &first, "tiny")?.success()?;
    node.cni("DEL", &first, "tiny")?.success()?;
    expect_nothing_left(lab, node)?;
    lab.configure(&["subnet rm tiny-r1", "network rm tiny"])
}

/// One bad call of the CNI executable.
struct BadCall<'a> {
    what: &'a str,
    /// Variables to change; an empty value is as good as none.
    variables: &'a [(&'a str, &'a str)],
    stdin: String,
    code: u64,
    names: &'a [&'a str],
}

fn the_cni_executable_answers_with_the_right_code(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let node = lab.node("node1");
    let pod = Pod::create("bad")?;
    let netns = pod.netns_path().to_string_lossy().into_owned();
    let good = [
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", "c-bad"),
        ("CNI_NETNS", netns.as_str()),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", "/opt/cni/bin"),
    ];
    let conf = |version: &str, network: &str| node.cni_conf(version, network).to_string();
    let mut typo = node.cni_conf("1.1.0", "blue");
    typo["netwrok"] = "blue".into();

    let call = |what, variables, stdin, code, names| BadCall {
        what,
        variables,
        stdin,
        code,
        names,
    };
    let calls = [
        call(
            "malformed JSON",
            &[],
            "{\"cniVersion\":".into(),
            6,
            &["line 1"],
        ),
        call("no input", &[], String::new(), 6, &[]),
        call(
            "no command",
            &[("CNI_COMMAND", "")],
            conf("1.1.0", "blue"),
            4,
            &["CNI_COMMAND"],
        ),
        call(
            "unknown command",
            &[("CNI_COMMAND", "PLUG")],
            conf("1.1.0", "blue"),
            4,
            &["PLUG"],
        ),
        call(
            "no container",
            &[("CNI_CONTAINERID", "")],
            conf("1.1.0", "blue"),
            4,
            &["CNI_CONTAINERID"],
        ),
        call(
            "no netns",
            &[("CNI_NETNS", "")],
            conf("1.1.0", "blue"),
            4,
            &["CNI_NETNS"],
        ),
        call(
            "no ifname",
            &[("CNI_IFNAME", "")],
            conf("1.1.0", "blue"),
            4,
            &["CNI_IFNAME"],
        ),
        call(
            "long ifname",
            &[("CNI_IFNAME", "a-name-too-long-for-linux")],
            conf("1.1.0", "blue"),
            4,
            &["a-name-too-long-for-linux"],
        ),
        call(
            "hostile container",
            &[("CNI_CONTAINERID", "../../etc")],
            conf("1.1.0", "blue"),
            4,
            &["../../etc"],
        ),
        call(
            "netns that is not there",
            &[("CNI_NETNS", "/run/netns/nosuch")],
            conf("1.1.0", "blue"),
            4,
            &["/run/netns/nosuch"],
        ),
        call(
            "netns that is a file",
            &[("CNI_NETNS", "/etc/hostname")],
            conf("1.1.0", "blue"),
            4,
            &["/etc/hostname"],
        ),
        call(
            "the node's own netns",
            &[("CNI_NETNS", "/proc/self/ns/net")],
            conf("1.1.0", "blue"),
            8,
            &["/proc/self/ns/net"],
        ),
        call("old cniVersion", &[], conf("0.4.0", "blue"), 1, &["0.4.0"]),
        call(
            "future cniVersion",
            &[],
            conf("9.0.0", "blue"),
            1,
            &["9.0.0"],
        ),
        call(
            "network that does not exist",
            &[],
            conf("1.1.0", "nosuch"),
            7,
            &["nosuch", "netctl network"],
        ),
        call(
            "network name that is none",
            &[],
            conf("1.1.0", "a/b"),
            7,
            &["a/b"],
        ),
        call("misspelt field", &[], typo.to_string(), 7, &["netwrok"]),
    ];
    for bad in calls {
        let mut variables = good.to_vec();
        for (name, value) in bad.variables {
            variables.retain(|(other, _)| other != name);
            variables.push((name, value));
        }
        let (code, text) = node.cni_raw(&variables, &bad.stdin)?.refusal()?;
        anyhow::ensure!(
            code == bad.code,
            "{}: code {code} in place of {}: {text}",
            bad.what,
            bad.code
        );
        for name in bad.names {
            anyhow::ensure!(
                text.contains(name),
                "{}: {name} is not named in: {text}",
                bad.what
            );
        }
    }
    expect_nothing_left(lab, node)?;
    let links = pod.netns().links()?;
    anyhow::ensure!(links == ["lo"], "the pod has {links:?}");
    Ok(())
}

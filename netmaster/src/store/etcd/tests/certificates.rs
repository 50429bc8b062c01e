//! Certificates for a server and its clients, good for two days.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

/// Makes an authority `ca.pem`, and `member.pem` with `member.key`, which are good for servers on
/// 127.0.0.1 and for clients.
pub(super) fn make(directory: &Path) {
    let key = "ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(
        directory,
        &format!("req -x509 -newkey {key} -keyout ca.key -out ca.pem -subj /CN=authority -days 2"),
    );
    openssl(
        directory,
        &format!("req -new -newkey {key} -keyout member.key -out member.csr -subj /CN=member"),
    );
    let extensions = "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n";
    std::fs::write(directory.join("extensions"), extensions).unwrap();
    openssl(
        directory,
        "x509 -req -in member.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
         -extfile extensions -out member.pem",
    );
}

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .current_dir(directory)
        .args(arguments.split_whitespace())
        .output();
    let output = match output {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("openssl is not installed: it is in Debian's package `openssl`")
        }
        output => output.unwrap(),
    };
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {complaint}");
}

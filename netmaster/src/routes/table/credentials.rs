//! Of what makes somebody known.

use axum::http::{Method, StatusCode};
use trunkline_netmaster_api::{
    CertificateSpec, JoinSpec, NodeCertificate, TokenCreated, TokenSpec,
};

use super::super::access::{ADMINS, ONLY_AGENTS, OPERATORS};
use super::super::list::list;
use super::super::noun::Noun as _;
use super::super::operation::{Described, Operation};
use super::super::parameter::{in_path, revision};
use super::super::tokens::Tokens;
use super::super::{join, tokens};
use super::nodes::of_node;
use super::{listed, shown};

pub(super) fn of_tokens() -> Vec<Operation> {
    const TAG: &str = Tokens::PATH;
    let key = ["name"];
    vec![
        listed::<Tokens>(Operation::new(Method::GET, "/v1/tokens", list::<Tokens>)).allows(ADMINS),
        Operation::new(Method::POST, "/v1/tokens", tokens::create)
            .about(TAG, "Makes one, and tells its secret this once")
            .allows(ADMINS)
            .takes(Described::of::<TokenSpec>())
            .answers(
                StatusCode::CREATED,
                "The token and its secret",
                Described::of::<TokenCreated>(),
            ),
        shown::<Tokens>("/v1/tokens/{name}", &key).allows(ADMINS),
        Operation::new(Method::DELETE, "/v1/tokens/{name}", tokens::delete)
            .about(TAG, "Deletes one: from then on it is good for nothing")
            .allows(ADMINS)
            .with(in_path(&key))
            .with([revision()])
            .answers_nothing("Deleted"),
    ]
}

pub(super) fn of_joining() -> Vec<Operation> {
    const TAG: &str = "join";
    let certificate = || Described::of::<NodeCertificate>();
    vec![
        // Who asks is in the body: a token that is good for nothing else.
        Operation::new(Method::POST, "/v1/join", join::join)
            .about(TAG, "Gets a node its first certificate, for a token")
            .open()
            .takes(Described::of::<JoinSpec>())
            .answers(StatusCode::OK, "The certificate", certificate()),
        of_node(Method::POST, "/certificate", join::renew)
            .about(TAG, "Renews a node's certificate; for agents")
            .allows(ONLY_AGENTS)
            .takes(Described::of::<CertificateSpec>())
            .answers(StatusCode::OK, "Another one", certificate()),
        of_node(Method::DELETE, "/certificate", join::revoke)
            .about(
                TAG,
                "Makes all certificates of a node void, until it joins again by a new token",
            )
            .allows(OPERATORS)
            .answers_nothing("Void"),
    ]
}

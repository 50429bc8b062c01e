//! Bodies of requests.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use trunkline_netmaster::reading;
use trunkline_netmaster_api::{
    AddressRelease, AnswerLine, CertificateSpec, ConflictReport, EndpointSpec, ExplainSpec,
    Farewell, GroupSpec, HoldingsReport, JoinSpec, NetworkSpec, NodeEdit, NodeRequestSpec,
    NodeSpec, PoolSpec, ProfileSpec, ReservationSpec, ReserveReturn, ReserveSpec, SubnetSpec,
    TokenSpec, Update,
};

/// Whatever body of whatever request: it is refused with a reason, or means the same when it is
/// written again.
///
/// # Panics
///
/// If that is not so.
pub fn bodies(data: &[u8]) {
    managed::<NetworkSpec>(data);
    managed::<SubnetSpec>(data);
    managed::<PoolSpec>(data);
    managed::<GroupSpec>(data);
    managed::<ProfileSpec>(data);
    managed::<ReservationSpec>(data);
    one::<NodeSpec>(data);
    one::<NodeEdit>(data);
    one::<Farewell>(data);
    one::<ReserveSpec>(data);
    one::<ReserveReturn>(data);
    one::<HoldingsReport>(data);
    one::<NodeRequestSpec>(data);
    one::<AnswerLine>(data);
    one::<EndpointSpec>(data);
    one::<ExplainSpec>(data);
    one::<ConflictReport>(data);
    one::<AddressRelease>(data);
    one::<TokenSpec>(data);
    one::<JoinSpec>(data);
    one::<CertificateSpec>(data);
}

/// A kind that is created and updated.
fn managed<S: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) {
    one::<S>(data);
    one::<Update<S>>(data);
}

fn one<T: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) {
    match reading::body::<T>(data) {
        Ok(value) => {
            let written = serde_json::to_vec(&value);
            let written = written.unwrap_or_else(|error| panic!("{value:?}: {error}"));
            assert_eq!(reading::body::<T>(&written), Ok(value));
        }
        Err(problem) => {
            assert!((400..500).contains(&problem.status), "{problem:?}");
            assert!(!problem.detail.is_empty(), "{problem:?}");
        }
    }
}

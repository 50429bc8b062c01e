//! Which pod the runtime says the container is.

use trunkline_types::Pod;

/// The pod named in `CNI_ARGS` (`K8S_POD_NAMESPACE=…;K8S_POD_NAME=…`), if both are there.
///
/// Other keys are somebody else's: runtimes set `IgnoreUnknown` and several of their own.
pub fn from_args(args: &str) -> Option<Pod> {
    let value = |wanted: &str| {
        args.split(';')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == wanted)
            .map(|(_, value)| value.to_owned())
            .filter(|value| !value.is_empty())
    };
    Some(Pod {
        namespace: value("K8S_POD_NAMESPACE")?,
        name: value("K8S_POD_NAME")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pod_is_read_in_any_order_among_other_keys() {
        let args = "IgnoreUnknown=1;K8S_POD_NAME=web-0;K8S_POD_UID=u;K8S_POD_NAMESPACE=shop";
        assert_eq!(from_args(args).unwrap().to_string(), "shop/web-0");
    }

    #[test]
    fn without_both_parts_there_is_no_pod() {
        for args in [
            "",
            "K8S_POD_NAME=web-0",
            "K8S_POD_NAME=;K8S_POD_NAMESPACE=shop",
            ";;=",
        ] {
            assert_eq!(from_args(args), None, "{args}");
        }
    }
}

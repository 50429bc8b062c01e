//! What agents say and ask, and what operators do to nodes and addresses.

use std::net::IpAddr;

use reqwest::Method;
use trunkline_types::{MacAddr, Name};

use super::{Client, ClientError};
use crate::{
    AddressRelease, ConflictReport, Farewell, HoldingsReport, Node, NodeEdit, NodeSpec,
    Registration, Reserve, ReserveReturn, ReserveSpec,
};

impl Client {
    /// Registers a node, or says again what it is.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn register_node(
        &self,
        name: &Name,
        spec: &NodeSpec,
    ) -> Result<Registration, ClientError> {
        self.read(self.object::<Node>(Method::PUT, name).json(spec))
            .await
    }

    /// Changes a node's rack or labels.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn edit_node(&self, name: &Name, edit: &NodeEdit) -> Result<Node, ClientError> {
        self.read(self.object::<Node>(Method::PATCH, name).json(edit))
            .await
    }

    /// Removes a node and frees what it holds. `powered_off` says that nothing on it runs any
    /// more, which nobody else can know.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn remove_node(&self, name: &Name, powered_off: bool) -> Result<(), ClientError> {
        let request = self.object::<Node>(Method::DELETE, name);
        self.send(request.query(&[("powered_off", powered_off)]))
            .await
            .map(drop)
    }

    /// Asks for addresses to keep in reserve.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn reserve(&self, node: &Name, spec: &ReserveSpec) -> Result<Reserve, ClientError> {
        let path = ["v1", "nodes", node.as_str(), "reserve"];
        self.read(self.call(Method::POST, &path).json(spec)).await
    }

    /// Gives addresses of the reserve back.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn return_reserve(
        &self,
        node: &Name,
        addresses: &ReserveReturn,
    ) -> Result<(), ClientError> {
        let path = ["v1", "nodes", node.as_str(), "reserve", "return"];
        self.tell(self.call(Method::POST, &path), addresses).await
    }

    /// Reports what a node holds.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn report_holdings(
        &self,
        node: &Name,
        report: &HoldingsReport,
    ) -> Result<(), ClientError> {
        let path = ["v1", "nodes", node.as_str(), "holdings"];
        self.tell(self.call(Method::PUT, &path), report).await
    }

    /// Says that a node's agent stops: its reserve and its own addresses are free, until it registers
    /// again.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn farewell(&self, node: &Name, fence: u64) -> Result<(), ClientError> {
        let path = ["v1", "nodes", node.as_str(), "farewell"];
        self.tell(self.call(Method::POST, &path), &Farewell { fence })
            .await
    }

    /// Passes over the report that a node owes after a restore.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn waive_report(&self, node: &Name) -> Result<(), ClientError> {
        let path = ["v1", "nodes", node.as_str(), "waive"];
        self.send(self.call(Method::POST, &path)).await.map(drop)
    }

    /// Makes all certificates of a node void, whether it is registered or not, until it joins again
    /// by a token that is made afterwards.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn revoke_certificates(&self, node: &Name) -> Result<(), ClientError> {
        let path = ["v1", "nodes", node.as_str(), "certificate"];
        self.send(self.call(Method::DELETE, &path)).await.map(drop)
    }

    /// Says that the machine with `mac` answers for an address.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn report_conflict(
        &self,
        ip: IpAddr,
        mac: MacAddr,
        node: &Name,
    ) -> Result<(), ClientError> {
        let path = ["v1", "addresses", &ip.to_string(), "conflict"];
        let report = ConflictReport {
            mac,
            node: node.clone(),
        };
        self.tell(self.call(Method::POST, &path), &report).await
    }

    /// Says that nobody else answers for an address any more.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn clear_conflict(&self, ip: IpAddr) -> Result<(), ClientError> {
        let path = ["v1", "addresses", &ip.to_string(), "conflict"];
        self.send(self.call(Method::DELETE, &path)).await.map(drop)
    }

    /// Takes an address from whoever has it.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn release_address(
        &self,
        ip: IpAddr,
        release: &AddressRelease,
    ) -> Result<(), ClientError> {
        let path = ["v1", "addresses", &ip.to_string(), "release"];
        self.tell(self.call(Method::POST, &path), release).await
    }
}

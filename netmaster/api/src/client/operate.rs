//! How the whole is.

use reqwest::Method;

use super::{Client, ClientError};
use crate::{Check, RepairSpec, Repairs, Status, Usage};

impl Client {
    /// How the whole is, in one look.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.read(self.call(Method::GET, &["v1", "status"])).await
    }

    /// How full the `limit` fullest subnets are.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn usage(&self, limit: usize) -> Result<Usage, ClientError> {
        let request = self.call(Method::GET, &["v1", "usage"]);
        self.read(request.query(&[("limit", limit)])).await
    }

    /// Whether store, nodes and reservations agree with each other. With very many objects it takes
    /// longer than other calls.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn check(&self) -> Result<Check, ClientError> {
        let patient = self.patient()?;
        let request = patient.call(Method::GET, &["v1", "check"]);
        patient.read(request).await
    }

    /// The same, of what is safe to repair only.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn check_safe(&self) -> Result<Check, ClientError> {
        let patient = self.patient()?;
        let request = patient.call(Method::GET, &["v1", "check"]);
        patient.read(request.query(&[("safe", true)])).await
    }

    /// The same client, for what is not begun to be answered before all is looked through.
    fn patient(&self) -> Result<Self, ClientError> {
        Ok(Self {
            http: Self::http(&self.credentials, self.deadline)?,
            ..self.clone()
        })
    }

    /// Repairs what a check has found, as far as that is safe.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call. That something is not repaired is no error.
    pub async fn repair(&self, spec: &RepairSpec) -> Result<Repairs, ClientError> {
        let patient = self.patient()?;
        let request = patient.call(Method::POST, &["v1", "check", "repair"]);
        patient.read(request.json(spec)).await
    }
}

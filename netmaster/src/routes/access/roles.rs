//! Which roles have what in common.

use trunkline_netmaster_api::Role;

/// Who looks at everything.
pub(in crate::routes) const READERS: &[Role] =
    &[Role::Admin, Role::Operator, Role::Viewer, Role::Cluster];

/// Who looks at what every agent has to know.
pub(in crate::routes) const READERS_AND_AGENTS: &[Role] = &[
    Role::Admin,
    Role::Operator,
    Role::Viewer,
    Role::Cluster,
    Role::Node,
];

/// Who may put requests to nodes; what a kind of request takes beyond that is looked at there.
pub(in crate::routes) const PEOPLE: &[Role] = &[Role::Admin, Role::Operator, Role::Viewer];

/// Who changes what is wanted.
pub(in crate::routes) const OPERATORS: &[Role] = &[Role::Admin, Role::Operator];

/// Who speaks for a node.
pub(in crate::routes) const AGENTS: &[Role] = &[Role::Admin, Role::Node];

/// Who asks for a node's certificate: nobody else has use for one.
pub(in crate::routes) const ONLY_AGENTS: &[Role] = &[Role::Node];

/// Who has attachments come and go, and sees foreign machines: agents, and operators in their
/// place.
pub(in crate::routes) const AGENTS_AND_OPERATORS: &[Role] =
    &[Role::Admin, Role::Operator, Role::Node];

/// Who may have everything at once.
pub(in crate::routes) const ADMINS: &[Role] = &[Role::Admin];

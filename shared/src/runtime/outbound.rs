//! What functions may reach on the open internet, and how.
//!
//! Deployed, nothing is said here: the sender makes its own guarded connector when it is first needed. The local runner allows its own
//! sink by name, and tests put their connector here. Must not know what is sent.

use aws_smithy_runtime_api::client::http::SharedHttpConnector;

/// How the open internet is reached.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    /// A connector to use in place of the guarded one.
    pub connector: Option<SharedHttpConnector>,
    /// Origins that may be called although they are not public, such as `http://127.0.0.1:8787`. Empty in every deployed function.
    pub exceptions: Vec<String>,
}

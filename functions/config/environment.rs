//! Where settings outside the file come from: the process' variables, or a test's map.

use std::collections::HashMap;

/// Names the configuration file, unless the command line does.
pub const CONFIG_VARIABLE: &str = "POOLWARDEN_CONFIG";
/// Overrides `store.path`; a relative path is relative to the working directory.
pub const STORE_VARIABLE: &str = "POOLWARDEN_STORE";
/// Names the Service Bus namespace by its host; the Functions host's own setting for the connection `ServiceBus`.
pub const SERVICE_BUS_VARIABLE: &str = "ServiceBus__fullyQualifiedNamespace";
/// The client id of the user-assigned identity that signs in to it.
pub const CLIENT_ID_VARIABLE: &str = "ServiceBus__clientId";
/// Overrides `azure.blob`.
pub const BLOB_VARIABLE: &str = "POOLWARDEN_BLOB";
/// Holds the configuration itself, where there is no file to hold it.
pub const TEXT_VARIABLE: &str = "POOLWARDEN_CONFIG_TOML";
/// Overrides `serve.listen`.
pub const LISTEN_VARIABLE: &str = "POOLWARDEN_LISTEN";

/// Environment variables.
pub trait Environment {
    /// A variable's value, when it is set and Unicode text.
    fn var(&self, name: &str) -> Option<String>;

    /// The same for a variable that means something only when it is not empty.
    fn filled(&self, name: &str) -> Option<String> {
        self.var(name).filter(|value| !value.is_empty())
    }
}

/// The variables of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

impl Environment for HashMap<&str, &str> {
    fn var(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| (*value).to_owned())
    }
}

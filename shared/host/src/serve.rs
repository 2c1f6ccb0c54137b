//! The app under the real Functions host: a custom handler.

use axum::Router;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;

/// Where the host says which port it will call.
pub const PORT_VARIABLE: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

/// Why the custom handler could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The process was not started by a Functions host.
    #[error(
        "{PORT_VARIABLE} is not set: this mode is for the Azure Functions host, which sets it; on one machine use `serve`"
    )]
    NoPort,
    /// The host's port is no port.
    #[error("{PORT_VARIABLE} is not a port: {value:?}")]
    BadPort {
        /// What it says.
        value: String,
    },
    /// Somebody else has the port, or the connection broke.
    #[error("could not serve on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// Serves the app to the Functions host that started this process, until that host ends it.
///
/// It listens on the loopback interface only. There is no orderly end: the host kills the process without notice,
/// and takes a process that exits by itself with code 0 as one that wants to stay down.
pub async fn serve_custom_handler(router: Router) -> Result<(), ServeError> {
    let address = address(std::env::var(PORT_VARIABLE).ok())?;
    let listen = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    tracing::info!(%address, "ready for the Functions host");
    axum::serve(listener, router).await.map_err(listen)
}

fn address(port: Option<String>) -> Result<SocketAddr, ServeError> {
    let port = port.ok_or(ServeError::NoPort)?;
    match port.trim().parse::<u16>() {
        Ok(number) if number != 0 => Ok((Ipv4Addr::LOCALHOST, number).into()),
        _ => Err(ServeError::BadPort { value: port }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_the_hosts_and_the_interface_is_loopback() {
        assert_eq!(address(Some("7071".into())).unwrap().to_string(), "127.0.0.1:7071");
        let missing = address(None).unwrap_err().to_string();
        assert!(missing.contains("FUNCTIONS_CUSTOMHANDLER_PORT"), "{missing}");
        for bad in ["", "0", "99999", "http"] {
            assert!(matches!(address(Some(bad.into())), Err(ServeError::BadPort { .. })), "{bad}");
        }
    }
}

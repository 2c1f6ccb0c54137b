//! The clients that packages are launched with, as dependencies to install. Their ids and versions change: they are all
//! here. The ids are those of the Windows Package Manager's public repository; unverified.

use crate::package::Dependency;

/// Windows App; from this version on it takes links that name the resource alone.
pub fn windows_app() -> Dependency {
    of("Windows App", "Microsoft.WindowsApp", "2.0.804")
}

/// The Remote Desktop client for Windows, for devices that still have it.
pub fn remote_desktop() -> Dependency {
    of("Remote Desktop client", "Microsoft.RemoteDesktopClient", "1.2.1755")
}

fn of(name: &str, package_id: &str, minimum_version: &str) -> Dependency {
    let own = str::to_owned;
    Dependency { name: own(name), package_id: own(package_id), minimum_version: own(minimum_version) }
}

//! The script of a bundle.

/// The script's name in a bundle.
pub const SCRIPT: &str = "import.ps1";

/// The script, for Windows PowerShell 5.1 and PowerShell 7: the former takes a file without a byte order mark for one
/// of the system's code page.
///
/// It takes nothing to make it, so no package can change what it says.
pub const fn script() -> &'static str {
    concat!("\u{FEFF}", include_str!("import.ps1"))
}

//! Packages for Recast Application Workspace: a folder with a manifest a package, their icons and `.rdp` files, and one
//! PowerShell script over the vendor's module that brings a zone up to date with them.
//!
//! The script is the same whatever is published: no name, title or link from outside is ever in it. All of that is in
//! the manifests ([`bundle`]), which the script reads as data; what is to be a command line is quoted for Windows
//! ([`quote`]). Nothing is written or asked here.

pub mod bundle;
pub mod quote;
pub mod script;

#[cfg(test)]
mod tests;

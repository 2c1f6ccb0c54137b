//! The report of an audit in the forms that others read: CSV for spreadsheets, SARIF 2.1.0 for whatever gathers
//! findings, and one HTML page for people.

mod csv;
mod html;
mod sarif;

pub use csv::csv;
pub use html::html;
pub use sarif::sarif;

#[cfg(test)]
mod tests;

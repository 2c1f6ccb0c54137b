//! The api-versions each provider knows.

use crate::{reply::Reply, request::Request};

pub(crate) const SUBSCRIPTIONS: &[&str] = &[
    "2022-12-01",
    "2022-09-01",
    "2021-04-01",
    "2021-01-01",
    "2020-10-01",
    "2020-06-01",
    "2020-01-01",
    "2019-11-01",
    "2019-10-01",
    "2019-06-01",
    "2019-05-01",
    "2018-05-01",
    "2018-02-01",
    "2017-08-01",
    "2016-09-01",
    "2016-06-01",
];
pub(crate) const DESKTOP_VIRTUALIZATION: &[&str] =
    &["2025-10-10", "2024-04-03", "2023-09-05", "2022-09-09", "2021-07-12"];
pub(crate) const ROLE_ASSIGNMENTS: &[&str] = &["2022-04-01", "2020-04-01-preview", "2018-07-01", "2015-07-01"];
pub(crate) const ROLE_DEFINITIONS: &[&str] = &["2022-05-01-preview", "2022-04-01", "2018-07-01", "2015-07-01"];
pub(crate) const DENY_ASSIGNMENTS: &[&str] = &["2022-04-01", "2018-07-01-preview"];
pub(crate) const PIM_INSTANCES: &[&str] = &["2020-10-01", "2020-10-01-preview"];
pub(crate) const CLASSIC_ADMINISTRATORS: &[&str] = &["2015-07-01", "2015-06-01"];
pub(crate) const PERMISSIONS: &[&str] = &["2022-04-01", "2018-07-01", "2018-01-01-preview", "2015-07-01"];
pub(crate) const MANAGEMENT_GROUPS: &[&str] =
    &["2023-04-01", "2021-04-01", "2020-10-01", "2020-05-01", "2020-02-01", "2019-11-01"];
pub(crate) const ACTIVITY_LOG: &[&str] = &["2015-04-01", "2014-04-01"];
pub(crate) const RESOURCE_GRAPH: &[&str] =
    &["2024-04-01", "2022-10-01", "2021-06-01-preview", "2021-03-01", "2019-04-01"];

/// Refuses a request without an api-version, or with one that is not in
/// `supported`.
pub(crate) fn check(request: &Request, kind: &str, supported: &[&str]) -> Result<(), Reply> {
    let version = request.query("api-version").unwrap_or("");
    if version.is_empty() {
        return Err(Reply::error(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    }
    if supported.iter().any(|supported| supported.eq_ignore_ascii_case(version)) {
        return Ok(());
    }
    let message = format!(
        "No registered resource provider found for location 'westeurope' and API version '{version}' for type '{kind}'. The supported api-versions are '{}'. The supported locations are 'westeurope, northeurope, eastus2, swedencentral'.",
        supported.join(", ")
    );
    Err(Reply::error(400, "NoRegisteredProviderFound", &message))
}

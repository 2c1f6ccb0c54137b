//! `poolwarden packages export`: the catalogue as a folder of files, or as a bundle that another system imports.

use super::COMPLETE;
use super::output::{self, say};
use crate::deps::Deps;
use crate::export;
use crate::targets::application_workspace;
use clap::ValueEnum;
use std::path::Path;

/// What the folder is for.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum Format {
    /// Manifests, icons, .rdp files and their JSON Schema
    #[default]
    #[value(name = "catalogue")]
    Catalogue,
    /// A bundle with a PowerShell script, for Recast Application Workspace
    #[value(name = "application_workspace")]
    ApplicationWorkspace,
}

pub(super) async fn run(
    deps: &Deps,
    folder: &Path,
    connection: Option<&str>,
    format: Format,
    json: bool,
) -> anyhow::Result<u8> {
    match format {
        Format::Catalogue => {
            let exported = export::export(deps, folder, connection).await?;
            if json {
                output::json(&exported)?;
            } else {
                say!("{} packages and {} icons in {}", exported.packages, exported.icons, folder.display());
            }
        }
        Format::ApplicationWorkspace => {
            let bundle = application_workspace::export(deps, folder, connection).await?;
            if json {
                output::json(&bundle)?;
            } else {
                let script = folder.join(&bundle.script);
                say!("{} packages and {} to retire in {}", bundle.packages, bundle.retired, folder.display());
                say!(
                    "See what it would do: {} -Uri https://ZONE -Credential (Get-Credential) -WhatIf",
                    script.display()
                );
            }
        }
    }
    Ok(COMPLETE)
}

//! What belongs into the folder that is deployed, and the zip of it. The same input gives the same bytes.

use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The file that makes a folder a function.
const FUNCTION_JSON: &str = "function.json";
/// Who may do what with a file of the zip.
const EXECUTABLE: u32 = 0o755;
const PLAIN: u32 = 0o644;

/// One file in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Staged {
    /// Below the folder, with `/`.
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) mode: u32,
}

/// Copies everything that is deployed into an empty folder; the list is sorted by name.
pub(crate) fn assemble(binary: &Path, root: &Path, folder: &Path) -> Result<Vec<Staged>> {
    let program = binary.file_name().and_then(|name| name.to_str()).context("the binary has no name")?;
    let mut files = vec![
        put(&root.join("host.json"), folder, "host.json".to_owned(), PLAIN)?,
        put(binary, folder, program.to_owned(), EXECUTABLE)?,
    ];
    let functions = root.join("functions");
    for entry in fs::read_dir(&functions).with_context(|| format!("cannot read {}", functions.display()))? {
        let entry = entry.with_context(|| format!("cannot read {}", functions.display()))?;
        let definition = entry.path().join(FUNCTION_JSON);
        if definition.is_file() {
            let name = entry.file_name().into_string().ok().context("a function's name is no text")?;
            files.push(put(&definition, folder, format!("{name}/{FUNCTION_JSON}"), PLAIN)?);
        }
    }
    ensure!(files.len() > 2, "{} holds no function", functions.display());
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn put(from: &Path, folder: &Path, name: String, mode: u32) -> Result<Staged> {
    let to = folder.join(&name);
    let copied = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::copy(from, &to));
    let bytes = copied.with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    set_mode(&to, mode).with_context(|| format!("cannot set the mode of {}", to.display()))?;
    Ok(Staged { name, bytes, mode })
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> std::io::Result<()> {
    Ok(())
}

/// Writes the zip. Modes are in it whatever system it is made on; times are not.
pub(super) fn zip(folder: &Path, files: &[Staged], path: &Path) -> Result<()> {
    let write = || -> Result<()> {
        let mut zip = ZipWriter::new(BufWriter::new(File::create(path)?));
        for file in files {
            let options = SimpleFileOptions::DEFAULT
                .compression_method(CompressionMethod::Deflated)
                .last_modified_time(DateTime::default())
                .unix_permissions(file.mode);
            zip.start_file(&*file.name, options)?;
            std::io::copy(&mut BufReader::new(File::open(folder.join(&file.name))?), &mut zip)?;
        }
        Ok(zip.finish()?.flush()?)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

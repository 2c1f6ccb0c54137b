//! [`Documents`] in SQLite.

use super::Sqlite;
use super::failure::Failure;
use crate::{Document, Documents, Expect, Listed, StoreError, Version, check_body, check_key};
use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};

#[async_trait]
impl Documents for Sqlite {
    async fn get(&self, key: &str) -> Result<Option<Document>, StoreError> {
        check_key(key)?;
        let wanted = key.to_owned();
        self.inner.read(move |c| get(c, &wanted)).await.map_err(|failure| failure.of_document("read document", key))
    }

    async fn put(&self, key: &str, body: Bytes, expect: Expect) -> Result<Version, StoreError> {
        check_key(key)?;
        check_body(key, &body)?;
        let target = key.to_owned();
        self.inner
            .write(move |c| put(c, &target, &body, &expect))
            .await
            .map_err(|failure| failure.of_document("write document", key))
    }

    async fn delete(&self, key: &str, version: &Version) -> Result<(), StoreError> {
        check_key(key)?;
        let (target, version) = (key.to_owned(), number(version));
        self.inner
            .write(move |c| delete(c, &target, version))
            .await
            .map_err(|failure| failure.of_document("delete document", key))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        let page = Page::new(prefix, after, limit);
        self.inner
            .read(move |c| page.rows(c, "length(body)", listed))
            .await
            .map_err(|failure| failure.of_document("list documents under", prefix))
    }

    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Document)>, StoreError> {
        let page = Page::new(prefix, after, limit);
        self.inner
            .read(move |c| page.rows(c, "body", |row| Ok((row.get("key")?, document(row)?))))
            .await
            .map_err(|failure| failure.of_document("read documents under", prefix))
    }
}

fn get(connection: &Connection, key: &str) -> Result<Option<Document>, Failure> {
    let mut statement = connection.prepare_cached("SELECT version, body FROM documents WHERE key = ?1")?;
    Ok(statement.query_row([key], document).optional()?)
}

fn put(connection: &Connection, key: &str, body: &[u8], expect: &Expect) -> Result<Version, Failure> {
    let version: i64 = connection
        .prepare_cached("UPDATE document_versions SET last = last + 1 RETURNING last")?
        .query_row([], |row| row.get(0))?;
    let written = match expect {
        Expect::Absent => connection
            .prepare_cached("INSERT INTO documents (key, version, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![key, version, body])?,
        Expect::Version(expected) => connection
            .prepare_cached("UPDATE documents SET version = ?2, body = ?3 WHERE key = ?1 AND version = ?4")?
            .execute(params![key, version, body, number(expected)])?,
    };
    if written == 0 { Err(Failure::Conflict) } else { Ok(text(version)) }
}

fn delete(connection: &Connection, key: &str, version: Option<i64>) -> Result<(), Failure> {
    let deleted = connection
        .prepare_cached("DELETE FROM documents WHERE key = ?1 AND version = ?2")?
        .execute(params![key, version])?;
    if deleted == 0 && connection.prepare_cached("SELECT 1 FROM documents WHERE key = ?1")?.exists([key])? {
        return Err(Failure::Conflict);
    }
    Ok(())
}

/// A piece of the sorted keys. SQLite compares text as the bytes of its UTF-8, which is the order of Rust's strings.
struct Page {
    prefix: String,
    /// The first key after all that start with the prefix; `None` if there is no such key.
    end: Option<String>,
    after: String,
    limit: i64,
}

impl Page {
    fn new(prefix: &str, after: Option<&str>, limit: usize) -> Self {
        Self {
            prefix: prefix.to_owned(),
            end: successor(prefix),
            // No key is empty, so all keys sort after this.
            after: after.unwrap_or_default().to_owned(),
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
        }
    }

    fn rows<T>(
        &self,
        connection: &Connection,
        column: &str,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Failure> {
        let sql = format!(
            "SELECT key, version, {column} FROM documents \
             WHERE key >= ?1 AND key > ?2 AND (?3 IS NULL OR key < ?3) ORDER BY key LIMIT ?4"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![self.prefix, self.after, self.end, self.limit], row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// The smallest string that is greater than every string that starts with `prefix`: its last character replaced by the
/// next one, or, where there is no next one, the same of what comes before it.
fn successor(prefix: &str) -> Option<String> {
    let mut rest = prefix.to_owned();
    while let Some(last) = rest.pop() {
        // The range skips the surrogates, which are no characters.
        if let Some(next) = (last..=char::MAX).nth(1) {
            rest.push(next);
            return Some(rest);
        }
    }
    None
}

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed { key: row.get(0)?, version: text(row.get(1)?), size_bytes: row.get::<_, i64>(2)?.unsigned_abs() })
}

fn document(row: &Row<'_>) -> rusqlite::Result<Document> {
    let body = row.get_ref("body")?.as_blob()?;
    Ok(Document { version: text(row.get("version")?), body: Bytes::copy_from_slice(body) })
}

fn text(version: i64) -> Version {
    Version(version.to_string())
}

/// `None` for what was never a version of this store, which equals nothing in SQL.
fn number(version: &Version) -> Option<i64> {
    version.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_ends_a_prefix() {
        let cases = [
            ("", None),
            ("a", Some("b")),
            ("runs/", Some("runs0")),
            ("ä\u{7f}", Some("ä\u{80}")),
            ("x\u{d7ff}", Some("x\u{e000}")),
            ("x\u{10ffff}", Some("y")),
            ("\u{10ffff}\u{10ffff}", None),
        ];
        for (prefix, expected) in cases {
            assert_eq!(successor(prefix).as_deref(), expected, "{prefix:?}");
        }
    }
}

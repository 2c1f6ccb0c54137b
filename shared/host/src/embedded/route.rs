//! Route templates of HTTP triggers: `runs/{id?}`, `files/{*path}`.

use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;

/// A route as function.json gives it, with the prefix of host.json in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Param { name: String, optional: bool },
    Rest(String),
}

impl Route {
    /// Reads a template.
    pub(super) fn parse(prefix: &str, template: &str) -> Result<Self, String> {
        let path = format!("{prefix}/{template}");
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let mut segments = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let segment = Segment::parse(part).map_err(|fault| format!("the route {template:?}: {fault}"))?;
            let last_only = matches!(segment, Segment::Rest(_) | Segment::Param { optional: true, .. });
            if last_only && index + 1 != parts.len() {
                return Err(format!("the route {template:?}: only its last part may be optional"));
            }
            segments.push(segment);
        }
        Ok(Self(segments))
    }

    /// The parameters, if `path` is on this route. Literals match in any case, as on the real host.
    pub(super) fn matches(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let mut params = BTreeMap::new();
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        for segment in &self.0 {
            match (segment, parts.next()) {
                (Segment::Literal(literal), Some(part)) if decode(part)?.eq_ignore_ascii_case(literal) => {}
                (Segment::Param { name, .. }, Some(part)) => {
                    params.insert(name.clone(), decode(part)?);
                }
                (Segment::Param { optional: true, .. } | Segment::Rest(_), None) => {}
                (Segment::Rest(name), Some(part)) => {
                    let rest: Option<Vec<String>> = std::iter::once(part).chain(parts.by_ref()).map(decode).collect();
                    params.insert(name.clone(), rest?.join("/"));
                }
                _ => return None,
            }
        }
        parts.next().is_none().then_some(params)
    }

    /// Sorts routes so that of two that match, the more literal one comes first.
    pub(super) fn precedence(&self) -> Vec<u8> {
        let mut ranks: Vec<u8> = self
            .0
            .iter()
            .map(|segment| match segment {
                Segment::Literal(_) => 0,
                Segment::Param { .. } => 1,
                Segment::Rest(_) => 2,
            })
            .collect();
        // A longer route is the more specific one where the shorter ends.
        ranks.push(3);
        ranks
    }

    /// The template without its parameters' names: two functions may not share it for one method.
    pub(super) fn shape(&self) -> String {
        let parts = self.0.iter().map(|segment| match segment {
            Segment::Literal(literal) => literal.to_ascii_lowercase(),
            Segment::Param { optional, .. } => if *optional { "{?}" } else { "{}" }.to_owned(),
            Segment::Rest(_) => "{*}".to_owned(),
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

impl Segment {
    fn parse(part: &str) -> Result<Self, String> {
        let Some(inside) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
            return if part.contains(['{', '}']) {
                Err(format!("{part:?} mixes text and parameters"))
            } else {
                Ok(Self::Literal(part.to_owned()))
            };
        };
        if inside.contains([':', '=']) {
            return Err(format!("{part:?} has a constraint or a default; the embedded host knows neither"));
        }
        let (name, optional) = match inside.strip_suffix('?') {
            Some(name) => (name, true),
            None => (inside, false),
        };
        let (name, rest) = match name.strip_prefix('*') {
            Some(name) => (name.trim_start_matches('*'), true),
            None => (name, false),
        };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("{part:?} has no valid name"));
        }
        let name = name.to_owned();
        Ok(if rest { Self::Rest(name) } else { Self::Param { name, optional } })
    }
}

/// Nothing if the bytes are not UTF-8: such a path is on no route.
fn decode(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_match_as_aspnet_does() {
        for (template, path, expected) in [
            ("runs/{id?}", "/api/runs", Some(vec![])),
            ("runs/{id?}", "/API/Runs/", Some(vec![])),
            ("runs/{id?}", "/api/runs/r%201", Some(vec![("id", "r 1")])),
            ("runs/{id?}", "/api/runs/1/2", None),
            ("runs/{id}", "/api/runs", None),
            ("runs/{id}/pools/{pool}", "/api/runs/1/pools/p", Some(vec![("id", "1"), ("pool", "p")])),
            ("files/{*path}", "/api/files/a/b", Some(vec![("path", "a/b")])),
            ("files/{*path}", "/api/files", Some(vec![])),
            ("runs/{id}", "/api/runs/%FF", None),
            ("runs", "/runs", None),
        ] {
            let route = Route::parse("api", template).unwrap();
            let expected = expected.map(|pairs: Vec<(&str, &str)>| {
                pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
            });
            assert_eq!(route.matches(path), expected, "{template} {path}");
        }
        for bad in ["{id?}/x", "{*a}/b", "a{id}", "{id:int}", "{}", "{a b}"] {
            assert!(Route::parse("api", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_more_literal_route_goes_first() {
        let mut routes: Vec<Route> = ["runs/{*rest}", "runs/{id}", "runs/latest", "runs"]
            .iter()
            .map(|template| Route::parse("", template).unwrap())
            .collect();
        routes.sort_by_key(Route::precedence);
        let shapes: Vec<String> = routes.iter().map(Route::shape).collect();
        assert_eq!(shapes, ["runs/latest", "runs/{}", "runs/{*}", "runs"]);
    }
}

//! Which function answers a request: the routes of the template, chosen between as an HTTP API chooses.
//!
//! The most specific route wins: a fixed segment before a variable one, a variable one before the rest of the path; then a route for
//! the method before one for any. `$default` takes what nothing else does.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::template::model::Route;

/// All routes.
pub struct Routes {
    routes: Vec<Compiled>,
}

struct Compiled {
    key: String,
    method: Option<String>,
    segments: Vec<Segment>,
    function: String,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    /// These very characters.
    Fixed(String),
    /// One segment, whatever it is.
    Variable(String),
    /// The rest of the path.
    Rest(String),
}

/// A route that was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'r> {
    /// The route's key, such as `ANY /f/{form}`.
    pub key: &'r str,
    /// Package of the function.
    pub function: &'r str,
    /// Values of the variable segments, decoded.
    pub parameters: BTreeMap<String, String>,
}

impl Routes {
    /// Prepares the template's routes.
    pub fn new(routes: &[Route]) -> Self {
        let compiled = routes.iter().map(|route| Compiled {
            key: match route.path.as_str() {
                "$default" => route.path.clone(),
                path => format!("{} {path}", route.method.as_deref().unwrap_or("ANY")),
            },
            method: route.method.clone(),
            segments: compile(&route.path),
            function: route.function.clone(),
        });
        let mut routes: Vec<Compiled> = compiled.collect();
        routes.sort_by_key(rank);
        Self { routes }
    }

    /// The route for a request, if there is one.
    pub fn find(&self, method: &str, path: &str) -> Option<Found<'_>> {
        let parts: Vec<&str> = split(path);
        self.routes.iter().find_map(|route| {
            if route
                .method
                .as_deref()
                .is_some_and(|wanted| wanted != method)
            {
                return None;
            }
            let parameters = matches(&route.segments, &parts)?;
            Some(Found {
                key: &route.key,
                function: &route.function,
                parameters,
            })
        })
    }
}

/// Order of preference: kinds of segments from the left, then a method of one's own.
fn rank(route: &Compiled) -> (bool, Vec<u8>, bool) {
    let kinds = route.segments.iter().map(|segment| match segment {
        Segment::Fixed(_) => 0,
        Segment::Variable(_) => 1,
        Segment::Rest(_) => 2,
    });
    (
        route.key == "$default",
        kinds.collect(),
        route.method.is_none(),
    )
}

fn split(path: &str) -> Vec<&str> {
    path.trim_start_matches('/').split('/').collect()
}

fn compile(path: &str) -> Vec<Segment> {
    if path == "$default" {
        return vec![Segment::Rest(String::new())];
    }
    let segment = |part: &str| match part
        .strip_prefix('{')
        .and_then(|part| part.strip_suffix('}'))
    {
        Some(name) => match name.strip_suffix('+') {
            Some(name) => Segment::Rest(name.to_owned()),
            None => Segment::Variable(name.to_owned()),
        },
        None => Segment::Fixed(part.to_owned()),
    };
    split(path).into_iter().map(segment).collect()
}

fn matches(segments: &[Segment], parts: &[&str]) -> Option<BTreeMap<String, String>> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut parameters = BTreeMap::new();
    for (at, segment) in segments.iter().enumerate() {
        match segment {
            Segment::Fixed(text) if parts.get(at)? == text => {}
            Segment::Fixed(_) => return None,
            Segment::Variable(name) => {
                let part = parts.get(at).filter(|part| !part.is_empty())?;
                parameters.insert(name.clone(), decoded(part));
            }
            Segment::Rest(name) => {
                let rest = parts.get(at..).filter(|rest| !rest.is_empty())?.join("/");
                if !name.is_empty() {
                    parameters.insert(name.clone(), decoded(&rest));
                }
                return Some(parameters);
            }
        }
    }
    (parts.len() == segments.len()).then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(routes: &[(&str, &str, &str)]) -> Routes {
        let route = |(method, path, function): &(&str, &str, &str)| Route {
            method: Some((*method).to_owned()).filter(|method| method != "ANY"),
            path: (*path).to_owned(),
            function: (*function).to_owned(),
            line: 1,
        };
        Routes::new(&routes.iter().map(route).collect::<Vec<_>>())
    }

    fn found(
        routes: &Routes,
        method: &str,
        path: &str,
    ) -> Option<(String, BTreeMap<String, String>)> {
        routes
            .find(method, path)
            .map(|found| (found.function.to_owned(), found.parameters))
    }

    #[test]
    fn a_variable_segment_takes_one_segment_and_is_decoded() {
        let routes = routes(&[("ANY", "/f/{form}", "capture")]);
        let expected = BTreeMap::from([("form".to_owned(), "a b".to_owned())]);
        assert_eq!(
            found(&routes, "POST", "/f/a%20b"),
            Some(("capture".to_owned(), expected))
        );
        for path in ["/f", "/f/", "/f/a/b", "/g/a", "/f/a/"] {
            assert_eq!(found(&routes, "POST", path), None, "{path}");
        }
        assert_eq!(
            routes.find("GET", "/f/x").map(|found| found.key.to_owned()),
            Some("ANY /f/{form}".to_owned())
        );
    }

    #[test]
    fn a_route_for_one_method_takes_no_other() {
        let routes = routes(&[("GET", "/thanks", "capture")]);
        assert!(found(&routes, "GET", "/thanks").is_some());
        assert!(found(&routes, "HEAD", "/thanks").is_none());
        assert!(found(&routes, "POST", "/thanks").is_none());
    }

    #[test]
    fn the_most_specific_route_wins_whatever_their_order() {
        let routes = routes(&[
            ("ANY", "$default", "default"),
            ("ANY", "/a/{rest+}", "rest"),
            ("ANY", "/a/{one}", "variable"),
            ("ANY", "/a/b", "fixed"),
            ("GET", "/a/b", "fixed-get"),
        ]);
        let function = |method: &str, path: &str| found(&routes, method, path).unwrap().0;
        assert_eq!(function("GET", "/a/b"), "fixed-get");
        assert_eq!(function("POST", "/a/b"), "fixed");
        assert_eq!(function("POST", "/a/c"), "variable");
        assert_eq!(function("POST", "/a/c/d"), "rest");
        assert_eq!(function("POST", "/z"), "default");
    }
}

//! The deployment template, read as the description of what to run on this machine.
//!
//! Four steps, one file each: `yaml` turns text into nodes that know their line, `resolve` evaluates parameters, conditions and
//! intrinsic functions, `view` reads typed values out of nodes, and `read` builds the [`Model`] the runner is made of. Nodes are
//! evaluated only when they are read, so what the runner has no use for (roles, alarms, dashboards) may use anything that
//! CloudFormation offers, while an intrinsic function that the runner cannot evaluate stops the start where it would matter.
//!
//! This module must not know how tables, queues or schedules are run, nor anything about leads.

pub mod model;
mod read;
mod resolve;
pub mod schedule;
#[cfg(test)]
mod tests;
mod view;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use model::Model;
pub use resolve::Surroundings;

/// Why a template cannot be run, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TemplateError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is not YAML, or uses a part of it that templates do not use.
    #[error("{0}")]
    Yaml(String),
    /// An intrinsic function stands in a property that the local runner reads, and it cannot evaluate it.
    #[error("the local runner reads this property and does not understand `{0}`")]
    UnknownFunction(String),
    /// An intrinsic function has the wrong arguments.
    #[error("`{function}` expects {expected}")]
    Arguments {
        /// The function's name in its long form.
        function: String,
        /// What it expects.
        expected: &'static str,
    },
    /// A name stands for nothing.
    #[error("nothing is called `{0}`")]
    UnknownName(String),
    /// A resource has no attribute of this name here.
    #[error("`{resource}` has no attribute `{attribute}` that the local runner knows")]
    UnknownAttribute {
        /// The logical id.
        resource: String,
        /// The attribute asked for.
        attribute: String,
    },
    /// A parameter has neither a default nor a value given for this machine.
    #[error("the parameter `{0}` has no default, and no value for it is known on this machine")]
    NoValue(String),
    /// Names refer to each other in a circle.
    #[error("`{0}` refers to itself")]
    Circle(String),
    /// A property that has to be there is not.
    #[error("`{property}` is missing from {of}")]
    Missing {
        /// The property.
        property: String,
        /// What it is missing from.
        of: String,
    },
    /// A value has another type than expected.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What was expected.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// The template uses a feature that would not work here as it does when deployed.
    #[error("the local runner does not know {0}")]
    NotHere(String),
    /// A reference leads to a resource of another kind, or out of the template.
    #[error("{what} has to be {expected} of this template, found `{found}`")]
    WrongTarget {
        /// The property.
        what: &'static str,
        /// The kind of resource expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// A filter pattern is malformed.
    #[error("not a filter pattern: {0}")]
    Filter(String),
    /// A schedule expression is malformed.
    #[error("not a schedule: {0}")]
    Schedule(String),
}

/// Why a template file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file was read, and says something that cannot be run.
    #[error("{}:{}: {}", path.display(), error.line, error.problem)]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong, and on which line.
        error: TemplateError,
    },
}

/// Reads the template at `path` with `parameters` in place of its defaults.
pub fn load(
    path: &Path,
    parameters: &BTreeMap<String, String>,
    surroundings: &Surroundings,
) -> Result<Model, LoadError> {
    let text = std::fs::read_to_string(path).map_err(|source| LoadError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, parameters, surroundings).map_err(|error| LoadError::Wrong {
        path: path.to_owned(),
        error,
    })
}

/// Reads a template from its text.
pub fn parse(
    text: &str,
    parameters: &BTreeMap<String, String>,
    surroundings: &Surroundings,
) -> Result<Model, TemplateError> {
    let document = yaml::parse(text)?;
    let template = resolve::Template::new(&document, parameters, surroundings)?;
    read::model(&template)
}

/// Shorthand for an error at a line.
fn at(line: usize, problem: Problem) -> TemplateError {
    TemplateError { line, problem }
}

//! Typed reads from nodes: text, numbers, truth values, lists, mappings; each error names the line.
//!
//! Must not know which resource is being read.

use std::str::FromStr;

use super::resolve::Template;
use super::yaml::{Node, Value};
use super::{Problem, TemplateError, at};

/// A node together with the template that can evaluate it.
#[derive(Clone, Copy)]
pub(super) struct View<'t> {
    pub template: &'t Template<'t>,
    pub node: &'t Node,
}

impl<'t> View<'t> {
    pub fn new(template: &'t Template<'t>, node: &'t Node) -> Self {
        Self { template, node }
    }

    /// The line the value starts on.
    pub fn line(&self) -> usize {
        self.node.line
    }

    /// An error at this value.
    pub fn error(&self, problem: Problem) -> TemplateError {
        at(self.node.line, problem)
    }

    /// The property `key`; `None` where it is absent or `AWS::NoValue`.
    pub fn get(&self, key: &str) -> Result<Option<View<'t>>, TemplateError> {
        let Some(node) = self.template.settle(self.node)? else {
            return Ok(None);
        };
        match &node.value {
            Value::Map(_) => match node.get(key) {
                Some(value) => Ok(self
                    .template
                    .settle(value)?
                    .map(|value| View::new(self.template, value))),
                None => Ok(None),
            },
            Value::Call(name, _) => Err(at(node.line, Problem::UnknownFunction(name.clone()))),
            Value::Scalar { .. } | Value::List(_) => Err(at(
                node.line,
                Problem::WrongType {
                    expected: "a mapping",
                    found: node.kind(),
                },
            )),
        }
    }

    /// The property `key`, which has to be there.
    pub fn need(&self, key: &str, of: &str) -> Result<View<'t>, TemplateError> {
        self.get(key)?.ok_or_else(|| {
            self.error(Problem::Missing {
                property: key.to_owned(),
                of: of.to_owned(),
            })
        })
    }

    /// The entries of a mapping, without those that are `AWS::NoValue`.
    pub fn entries(&self) -> Result<Vec<(&'t str, View<'t>)>, TemplateError> {
        let Some(node) = self.template.settle(self.node)? else {
            return Ok(Vec::new());
        };
        match &node.value {
            Value::Map(entries) => {
                let mut found = Vec::with_capacity(entries.len());
                for (name, value) in entries {
                    if let Some(value) = self.template.settle(value)? {
                        found.push((name.as_str(), View::new(self.template, value)));
                    }
                }
                Ok(found)
            }
            Value::Call(name, _) => Err(at(node.line, Problem::UnknownFunction(name.clone()))),
            Value::Scalar { .. } | Value::List(_) => Err(at(
                node.line,
                Problem::WrongType {
                    expected: "a mapping",
                    found: node.kind(),
                },
            )),
        }
    }

    /// The items of a list, without those that are `AWS::NoValue`.
    pub fn items(&self) -> Result<Vec<View<'t>>, TemplateError> {
        match &self.node.value {
            Value::List(items) => {
                let mut found = Vec::with_capacity(items.len());
                for item in items {
                    if let Some(item) = self.template.settle(item)? {
                        found.push(View::new(self.template, item));
                    }
                }
                Ok(found)
            }
            Value::Call(name, _) => Err(self.error(Problem::UnknownFunction(name.clone()))),
            Value::Scalar { .. } | Value::Map(_) => Err(self.error(Problem::WrongType {
                expected: "a list",
                found: self.node.kind(),
            })),
        }
    }

    /// The text.
    pub fn text(&self) -> Result<String, TemplateError> {
        self.template.text(self.node)
    }

    /// The number.
    pub fn number<T: FromStr>(&self) -> Result<T, TemplateError> {
        let text = self.text()?;
        text.parse().map_err(|_| {
            self.error(Problem::WrongType {
                expected: "a number",
                found: format!("`{text}`"),
            })
        })
    }

    /// The truth value.
    pub fn flag(&self) -> Result<bool, TemplateError> {
        let text = self.text()?;
        match text.as_str() {
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" => Ok(false),
            _ => Err(self.error(Problem::WrongType {
                expected: "true or false",
                found: format!("`{text}`"),
            })),
        }
    }

    /// The number under `key`, or `default`.
    pub fn number_or<T: FromStr>(&self, key: &str, default: T) -> Result<T, TemplateError> {
        self.get(key)?.map_or(Ok(default), |view| view.number())
    }

    /// The truth value under `key`, or `default`.
    pub fn flag_or(&self, key: &str, default: bool) -> Result<bool, TemplateError> {
        self.get(key)?.map_or(Ok(default), |view| view.flag())
    }

    /// Refuses properties outside `known`: one that is silently ignored would work when deployed and not here.
    pub fn only(&self, known: &[&str], of: &str) -> Result<(), TemplateError> {
        for (name, view) in self.entries()? {
            if !known.contains(&name) {
                return Err(view.error(Problem::NotHere(format!("`{name}` of {of}"))));
            }
        }
        Ok(())
    }
}

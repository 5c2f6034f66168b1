//! YAML the way templates are written: a tree of nodes that know their line, with intrinsic functions already recognised.
//!
//! Knows the two spellings of a function (`!Sub x` and `Fn::Sub: x`) and nothing of what they mean.

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::{Problem, TemplateError, at};

/// One value of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// The line it starts on, counted from 1.
    pub line: usize,
    /// What stands there.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Text as written, and whether it was written without quotes (only then can it be a number, a truth value or nothing).
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order written.
    Map(Vec<(String, Node)>),
    /// An intrinsic function by its long name (`Ref`, `Condition`, `Fn::Sub`) and its argument.
    Call(String, Box<Node>),
}

impl Node {
    /// The value under `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, node)| node),
            Value::Scalar { .. } | Value::List(_) | Value::Call(..) => None,
        }
    }

    /// The entries, if this is a mapping.
    pub fn entries(&self) -> &[(String, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Scalar { .. } | Value::List(_) | Value::Call(..) => &[],
        }
    }

    /// What kind of value this is, for messages.
    pub fn kind(&self) -> String {
        match &self.value {
            Value::Scalar { text, .. } => format!("`{text}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
            Value::Call(name, _) => format!("`{name}`"),
        }
    }
}

/// Reads one document.
pub(super) fn parse(text: &str) -> Result<Node, TemplateError> {
    let mut open: Vec<Open> = Vec::new();
    let mut document = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            at(
                error.marker().line(),
                Problem::Yaml(error.info().to_owned()),
            )
        })?;
        let line = span.start.line();
        let finished = match event {
            Event::Scalar(text, style, _, tag) => {
                let node = Node {
                    line,
                    value: Value::Scalar {
                        text: text.into_owned(),
                        plain: style == ScalarStyle::Plain,
                    },
                };
                tagged(node, tag.as_deref())
            }
            Event::SequenceStart(_, tag) => {
                open.push(Open {
                    line,
                    tag: tag.map(std::borrow::Cow::into_owned),
                    held: Held::List(Vec::new()),
                });
                continue;
            }
            Event::MappingStart(_, tag) => {
                open.push(Open {
                    line,
                    tag: tag.map(std::borrow::Cow::into_owned),
                    held: Held::Map(Vec::new(), None),
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(done) => done.close(),
                None => continue,
            },
            Event::Alias(_) => {
                return Err(at(
                    line,
                    Problem::Yaml("aliases are not read here; write the value out".to_owned()),
                ));
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.add(finished)?,
            None if document.is_none() => document = Some(finished),
            None => {
                return Err(at(
                    line,
                    Problem::Yaml("a second document begins here".to_owned()),
                ));
            }
        }
    }
    document.ok_or_else(|| at(1, Problem::Yaml("the file is empty".to_owned())))
}

/// A list or mapping whose end has not come yet.
struct Open {
    line: usize,
    tag: Option<Tag>,
    held: Held,
}

enum Held {
    List(Vec<Node>),
    /// Entries so far, and the key that waits for its value.
    Map(Vec<(String, Node)>, Option<String>),
}

impl Open {
    fn add(&mut self, node: Node) -> Result<(), TemplateError> {
        match &mut self.held {
            Held::List(items) => items.push(node),
            Held::Map(entries, key) => {
                if let Some(name) = key.take() {
                    entries.push((name, node));
                    return Ok(());
                }
                let line = node.line;
                let Value::Scalar { text, .. } = node.value else {
                    return Err(at(
                        line,
                        Problem::Yaml("a key has to be plain text".to_owned()),
                    ));
                };
                if entries.iter().any(|(name, _)| *name == text) {
                    let problem = Problem::Yaml(format!("`{text}` stands here twice"));
                    return Err(at(line, problem));
                }
                *key = Some(text);
            }
        }
        Ok(())
    }

    fn close(self) -> Node {
        let value = match self.held {
            Held::List(items) => Value::List(items),
            Held::Map(mut entries, _) => match entries.pop() {
                Some((name, argument)) if entries.is_empty() && is_function(&name) => {
                    Value::Call(name, Box::new(argument))
                }
                Some(last) => {
                    entries.push(last);
                    Value::Map(entries)
                }
                None => Value::Map(entries),
            },
        };
        tagged(
            Node {
                line: self.line,
                value,
            },
            self.tag.as_ref(),
        )
    }
}

/// Whether the only key of a mapping is a function in its long form.
fn is_function(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::")
}

/// Wraps a node in the function that its tag names.
fn tagged(node: Node, tag: Option<&Tag>) -> Node {
    let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) else {
        return node;
    };
    let name = match tag.suffix.as_str() {
        short @ ("Ref" | "Condition") => short.to_owned(),
        other => format!("Fn::{other}"),
    };
    let line = node.line;
    // `!GetAtt Table.Arn` is the list `[Table, Arn]` written short.
    let argument = match (name.as_str(), node.value) {
        ("Fn::GetAtt", Value::Scalar { text, .. }) => {
            let (resource, attribute) = text.split_once('.').unwrap_or((&text, ""));
            let part = |text: &str| Node {
                line,
                value: Value::Scalar {
                    text: text.to_owned(),
                    plain: true,
                },
            };
            Node {
                line,
                value: Value::List(vec![part(resource), part(attribute)]),
            }
        }
        (_, value) => Node { line, value },
    };
    Node {
        line,
        value: Value::Call(name, Box::new(argument)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_reads_alike_in_its_short_and_its_long_form() {
        let node = parse("short: !Sub '${A}-b'\nlong:\n  Fn::Sub: '${A}-b'\n").unwrap();
        let argument = |key: &str| match &node.get(key).unwrap().value {
            Value::Call(name, argument) => (name.clone(), argument.value.clone()),
            other => panic!("{other:?}"),
        };
        assert_eq!(argument("short"), argument("long"));
    }

    #[test]
    fn a_short_attribute_reads_like_the_list_form() {
        let node =
            parse("a: !GetAtt Table.StreamArn\nb:\n  Fn::GetAtt: [Table, StreamArn]\n").unwrap();
        let texts = |key: &str| match &node.get(key).unwrap().value {
            Value::Call(_, argument) => match &argument.value {
                Value::List(items) => items.iter().map(Node::kind).collect::<Vec<_>>(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        assert_eq!(texts("a"), texts("b"));
    }

    #[test]
    fn nodes_know_their_line() {
        let node = parse("a: 1\nb:\n  c:\n    - x\n    - !Ref y\n").unwrap();
        let Value::List(items) = &node.get("b").unwrap().get("c").unwrap().value else {
            panic!()
        };
        assert_eq!((items[0].line, items[1].line), (4, 5));
    }

    #[test]
    fn a_repeated_key_is_an_error_with_its_line() {
        let error = parse("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!(error.to_string(), "line 3: `a` stands here twice");
    }

    #[test]
    fn broken_yaml_is_an_error_with_its_line() {
        assert_eq!(parse("a: 1\nb: [1, 2\n").unwrap_err().line, 3);
    }
}

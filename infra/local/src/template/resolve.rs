//! Parameters, conditions, mappings and intrinsic functions: what a node says once the stack's name and parameters are known.
//!
//! Understands `Ref`, `Fn::GetAtt`, `Fn::Sub`, `Fn::Join`, `Fn::If`, `Fn::FindInMap`, the condition functions and the pseudo
//! parameters. A reference to a resource answers what CloudFormation would (a table's name, a queue's URL, an ARN), made of the
//! stack's name, so that two resources are the same if and only if their ARNs are. Must not know what the runner does with any of it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use super::yaml::{Node, Value};
use super::{Problem, TemplateError, at};

/// What the pseudo parameters say on this machine.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// `AWS::StackName`; names of tables, queues and buckets begin with it.
    pub stack: String,
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub account: String,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            stack: "lodestone".to_owned(),
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
        }
    }
}

/// A parsed template with everything it can be asked.
pub(super) struct Template<'t> {
    document: &'t Node,
    parameters: BTreeMap<&'t str, Cow<'t, str>>,
    pub surroundings: &'t Surroundings,
    /// Names being evaluated, so that a circle is an error and not a stack overflow.
    busy: RefCell<Vec<String>>,
}

impl<'t> Template<'t> {
    /// Prepares `document` with `overrides` in place of the parameters' defaults.
    pub fn new(
        document: &'t Node,
        overrides: &'t BTreeMap<String, String>,
        surroundings: &'t Surroundings,
    ) -> Result<Self, TemplateError> {
        let mut parameters = BTreeMap::new();
        for (name, declaration) in document.get("Parameters").map_or(&[][..], Node::entries) {
            if let Some(given) = overrides.get(name) {
                parameters.insert(name.as_str(), Cow::Borrowed(given.as_str()));
            } else if let Some(default) = declaration.get("Default") {
                let Value::Scalar { text, .. } = &default.value else {
                    return Err(at(
                        default.line,
                        Problem::WrongType {
                            expected: "plain text",
                            found: default.kind(),
                        },
                    ));
                };
                parameters.insert(name.as_str(), Cow::Borrowed(text.as_str()));
            }
        }
        Ok(Self {
            document,
            parameters,
            surroundings,
            busy: RefCell::new(Vec::new()),
        })
    }

    /// The section `name` at the top of the template.
    pub fn section(&self, name: &str) -> Option<&'t Node> {
        self.document.get(name)
    }

    /// Every resource whose condition holds: logical id, type, declaration.
    pub fn resources(&self) -> Result<Vec<(&'t str, String, &'t Node)>, TemplateError> {
        let Some(section) = self.section("Resources") else {
            return Err(at(
                1,
                Problem::Missing {
                    property: "Resources".to_owned(),
                    of: "the template".to_owned(),
                },
            ));
        };
        let mut found = Vec::new();
        for (id, node) in section.entries() {
            let Some(kind) = node.get("Type") else {
                return Err(at(
                    node.line,
                    Problem::Missing {
                        property: "Type".to_owned(),
                        of: format!("`{id}`"),
                    },
                ));
            };
            if let Some(condition) = node.get("Condition") {
                let name = self.text(condition)?;
                if !self.condition(&name, condition.line)? {
                    continue;
                }
            }
            found.push((id.as_str(), self.text(kind)?, node));
        }
        Ok(found)
    }

    /// Follows `Fn::If` and `Ref AWS::NoValue` until a value stands there; `None` where there is none.
    pub fn settle<'n>(&self, node: &'n Node) -> Result<Option<&'n Node>, TemplateError> {
        match &node.value {
            Value::Call(name, argument) if name == "Fn::If" => {
                let [condition, then, otherwise] =
                    arguments(name, argument, "a condition and two values")?;
                let name = self.text(condition)?;
                self.settle(if self.condition(&name, condition.line)? {
                    then
                } else {
                    otherwise
                })
            }
            Value::Call(name, argument) if name == "Ref" => match &argument.value {
                Value::Scalar { text, .. } if text == "AWS::NoValue" => Ok(None),
                _ => Ok(Some(node)),
            },
            Value::Scalar { text, plain: true }
                if text.is_empty() || text == "null" || text == "~" =>
            {
                Ok(None)
            }
            _ => Ok(Some(node)),
        }
    }

    /// The text that a node stands for.
    pub fn text(&self, node: &Node) -> Result<String, TemplateError> {
        let line = node.line;
        match &node.value {
            Value::Scalar { text, .. } => Ok(text.clone()),
            Value::List(_) | Value::Map(_) => Err(at(
                line,
                Problem::WrongType {
                    expected: "text",
                    found: node.kind(),
                },
            )),
            Value::Call(name, argument) => match name.as_str() {
                "Ref" => self.reference(&self.text(argument)?, line),
                "Fn::GetAtt" => {
                    let [resource, attribute] =
                        arguments(name, argument, "a resource and an attribute")?;
                    self.attribute(&self.text(resource)?, &self.text(attribute)?, line)
                }
                "Fn::Sub" => self.substitute(argument),
                "Fn::Join" => {
                    let [delimiter, parts] = arguments(name, argument, "a delimiter and a list")?;
                    let Some(Node {
                        value: Value::List(parts),
                        ..
                    }) = self.settle(parts)?
                    else {
                        return Err(at(
                            line,
                            Problem::Arguments {
                                function: name.clone(),
                                expected: "a delimiter and a list",
                            },
                        ));
                    };
                    let mut texts = Vec::with_capacity(parts.len());
                    for part in parts {
                        if let Some(part) = self.settle(part)? {
                            texts.push(self.text(part)?);
                        }
                    }
                    Ok(texts.join(&self.text(delimiter)?))
                }
                "Fn::If" => match self.settle(node)? {
                    Some(settled) => self.text(settled),
                    None => Err(at(
                        line,
                        Problem::WrongType {
                            expected: "text",
                            found: "no value".to_owned(),
                        },
                    )),
                },
                "Fn::FindInMap" => self.find_in_map(argument),
                other => Err(at(line, Problem::UnknownFunction(other.to_owned()))),
            },
        }
    }

    /// Whether the condition `name` holds.
    pub fn condition(&self, name: &str, line: usize) -> Result<bool, TemplateError> {
        let Some(node) = self
            .section("Conditions")
            .and_then(|section| section.get(name))
        else {
            return Err(at(line, Problem::UnknownName(name.to_owned())));
        };
        self.guarded(name, line, || self.truth(node))
    }

    fn truth(&self, node: &Node) -> Result<bool, TemplateError> {
        let (name, argument) = match &node.value {
            Value::Call(name, argument) => (name.as_str(), &**argument),
            Value::Map(entries) => match entries.as_slice() {
                [(name, argument)] if name == "Condition" => (name.as_str(), argument),
                _ => {
                    return Err(at(
                        node.line,
                        Problem::WrongType {
                            expected: "a condition",
                            found: node.kind(),
                        },
                    ));
                }
            },
            Value::Scalar { .. } | Value::List(_) => {
                return Err(at(
                    node.line,
                    Problem::WrongType {
                        expected: "a condition",
                        found: node.kind(),
                    },
                ));
            }
        };
        let list = || match &argument.value {
            Value::List(items) => Ok(items),
            _ => Err(at(
                node.line,
                Problem::Arguments {
                    function: name.to_owned(),
                    expected: "a list of conditions",
                },
            )),
        };
        match name {
            "Condition" => self.condition(&self.text(argument)?, node.line),
            "Fn::Equals" => {
                let [left, right] = arguments(name, argument, "two values")?;
                Ok(self.text(left)? == self.text(right)?)
            }
            "Fn::Not" => {
                let [inner] = arguments(name, argument, "one condition")?;
                Ok(!self.truth(inner)?)
            }
            "Fn::And" => list()?
                .iter()
                .try_fold(true, |so_far, item| Ok(self.truth(item)? && so_far)),
            "Fn::Or" => list()?
                .iter()
                .try_fold(false, |so_far, item| Ok(self.truth(item)? || so_far)),
            other => Err(at(node.line, Problem::UnknownFunction(other.to_owned()))),
        }
    }

    /// What `Ref` answers for `name`.
    fn reference(&self, name: &str, line: usize) -> Result<String, TemplateError> {
        let Surroundings {
            stack,
            region,
            account,
        } = self.surroundings;
        match name {
            "AWS::StackName" => return Ok(stack.clone()),
            "AWS::Region" => return Ok(region.clone()),
            "AWS::AccountId" => return Ok(account.clone()),
            "AWS::Partition" => return Ok("aws".to_owned()),
            "AWS::URLSuffix" => return Ok("amazonaws.com".to_owned()),
            "AWS::StackId" => {
                return Ok(format!(
                    "arn:aws:cloudformation:{region}:{account}:stack/{stack}/local"
                ));
            }
            _ => {}
        }
        if let Some(value) = self.parameters.get(name) {
            return Ok(value.clone().into_owned());
        }
        if self
            .section("Parameters")
            .and_then(|section| section.get(name))
            .is_some()
        {
            return Err(at(line, Problem::NoValue(name.to_owned())));
        }
        let (kind, physical) = self.physical(name, line)?;
        Ok(match kind.as_str() {
            "AWS::SQS::Queue" => format!("https://sqs.{region}.amazonaws.com/{account}/{physical}"),
            "AWS::SNS::Topic" => format!("arn:aws:sns:{region}:{account}:{physical}"),
            _ => physical,
        })
    }

    /// What `Fn::GetAtt` answers.
    fn attribute(
        &self,
        resource: &str,
        attribute: &str,
        line: usize,
    ) -> Result<String, TemplateError> {
        let Surroundings {
            region, account, ..
        } = self.surroundings;
        let (kind, name) = self.physical(resource, line)?;
        Ok(match (kind.as_str(), attribute) {
            ("AWS::DynamoDB::Table", "Arn") => {
                format!("arn:aws:dynamodb:{region}:{account}:table/{name}")
            }
            ("AWS::DynamoDB::Table", "StreamArn") => {
                format!("arn:aws:dynamodb:{region}:{account}:table/{name}/stream/local")
            }
            ("AWS::SQS::Queue", "Arn") => format!("arn:aws:sqs:{region}:{account}:{name}"),
            ("AWS::SQS::Queue", "QueueName") | ("AWS::SNS::Topic", "TopicName") => name,
            ("AWS::SQS::Queue", "QueueUrl") => self.reference(resource, line)?,
            ("AWS::SNS::Topic", "TopicArn") => self.reference(resource, line)?,
            ("AWS::Serverless::Function" | "AWS::Lambda::Function", "Arn") => {
                format!("arn:aws:lambda:{region}:{account}:function:{name}")
            }
            ("AWS::S3::Bucket", "Arn") => format!("arn:aws:s3:::{name}"),
            (_, "Arn") => format!("arn:aws:local:{region}:{account}:{name}"),
            _ => {
                let problem = Problem::UnknownAttribute {
                    resource: resource.to_owned(),
                    attribute: attribute.to_owned(),
                };
                return Err(at(line, problem));
            }
        })
    }

    /// The type and the physical name of a resource: the name it gives itself, else one made of the stack's.
    pub fn physical(&self, id: &str, line: usize) -> Result<(String, String), TemplateError> {
        let Some(node) = self
            .section("Resources")
            .and_then(|section| section.get(id))
        else {
            return Err(at(line, Problem::UnknownName(id.to_owned())));
        };
        self.guarded(id, line, || {
            let kind = node
                .get("Type")
                .map(|kind| self.text(kind))
                .transpose()?
                .unwrap_or_default();
            let property = match kind.as_str() {
                "AWS::DynamoDB::Table" => "TableName",
                "AWS::SQS::Queue" => "QueueName",
                "AWS::SNS::Topic" => "TopicName",
                "AWS::S3::Bucket" => "BucketName",
                "AWS::Serverless::Function" | "AWS::Lambda::Function" => "FunctionName",
                "AWS::IAM::Role" => "RoleName",
                _ => "Name",
            };
            let given = node
                .get("Properties")
                .and_then(|properties| properties.get(property));
            let name = match given.map(|given| self.settle(given)).transpose()?.flatten() {
                Some(given) => self.text(given)?,
                None => format!("{}-{id}", self.surroundings.stack),
            };
            Ok((kind, name))
        })
    }

    fn substitute(&self, argument: &Node) -> Result<String, TemplateError> {
        let (pattern, names): (&Node, &[(String, Node)]) = match &argument.value {
            Value::List(_) => {
                let [pattern, names] = arguments("Fn::Sub", argument, "text, or text and names")?;
                (pattern, names.entries())
            }
            Value::Scalar { .. } | Value::Map(_) | Value::Call(..) => (argument, &[]),
        };
        let text = self.text(pattern)?;
        let mut result = String::with_capacity(text.len());
        let mut rest = text.as_str();
        let mut line = argument.line;
        while let Some(start) = rest.find("${") {
            line += rest[..start].matches('\n').count();
            result.push_str(&rest[..start]);
            let Some(end) = rest[start..].find('}') else {
                break;
            };
            let name = rest[start + 2..start + end].trim();
            rest = &rest[start + end + 1..];
            if let Some(literal) = name.strip_prefix('!') {
                // `${!x}` is how a template writes `${x}` itself.
                result.push_str("${");
                result.push_str(literal);
                result.push('}');
            } else if let Some((_, value)) = names.iter().find(|(known, _)| known == name) {
                result.push_str(&self.text(value)?);
            } else if let Some((resource, attribute)) = name.split_once('.') {
                result.push_str(&self.attribute(resource, attribute, line)?);
            } else {
                result.push_str(&self.reference(name, line)?);
            }
        }
        result.push_str(rest);
        Ok(result)
    }

    fn find_in_map(&self, argument: &Node) -> Result<String, TemplateError> {
        let [map, first, second] = arguments("Fn::FindInMap", argument, "a map and two keys")?;
        let mut node = self.section("Mappings");
        let mut path = String::new();
        for key in [map, first, second] {
            let key = self.text(key)?;
            node = node.and_then(|node| node.get(&key));
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(&key);
        }
        match node {
            Some(node) => self.text(node),
            None => Err(at(argument.line, Problem::UnknownName(path))),
        }
    }

    /// Runs `body` unless `name` is being evaluated already.
    fn guarded<T>(
        &self,
        name: &str,
        line: usize,
        body: impl FnOnce() -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        if self.busy.borrow().iter().any(|busy| busy == name) {
            return Err(at(line, Problem::Circle(name.to_owned())));
        }
        self.busy.borrow_mut().push(name.to_owned());
        let answer = body();
        self.busy.borrow_mut().pop();
        answer
    }
}

/// The `N` arguments of a function.
fn arguments<'n, const N: usize>(
    function: &str,
    node: &'n Node,
    expected: &'static str,
) -> Result<&'n [Node; N], TemplateError> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    items.try_into().map_err(|_| {
        at(
            node.line,
            Problem::Arguments {
                function: function.to_owned(),
                expected,
            },
        )
    })
}

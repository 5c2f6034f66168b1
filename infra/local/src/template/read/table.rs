//! `AWS::DynamoDB::Table`.

use std::collections::BTreeMap;

use crate::template::model::{Index, Key, Projection, Table};
use crate::template::resolve::Template;
use crate::template::view::View;
use crate::template::yaml::Node;
use crate::template::{Problem, TemplateError};

pub(super) fn read(template: &Template<'_>, id: &str, node: &Node) -> Result<Table, TemplateError> {
    let of = format!("the table `{id}`");
    let properties = View::new(template, node).need("Properties", &of)?;
    let (_, name) = template.physical(id, node.line)?;
    let mut attributes = BTreeMap::new();
    for attribute in properties.need("AttributeDefinitions", &of)?.items()? {
        let name = attribute.need("AttributeName", &of)?.text()?;
        attributes.insert(name, attribute.need("AttributeType", &of)?.text()?);
    }
    if let Some(local) = properties.get("LocalSecondaryIndexes")? {
        return Err(local.error(Problem::NotHere("local secondary indexes".to_owned())));
    }
    let indexes = match properties.get("GlobalSecondaryIndexes")? {
        Some(indexes) => indexes
            .items()?
            .into_iter()
            .map(|index| read_index(index, &of))
            .collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let stream = match properties.get("StreamSpecification")? {
        Some(stream) => Some(stream.need("StreamViewType", &of)?.text()?),
        None => None,
    };
    let ttl = match properties.get("TimeToLiveSpecification")? {
        Some(ttl) if ttl.flag_or("Enabled", true)? => Some(ttl.need("AttributeName", &of)?.text()?),
        _ => None,
    };
    let key = read_key(properties.need("KeySchema", &of)?, &of)?;
    let surroundings = template.surroundings;
    Ok(Table {
        id: id.to_owned(),
        arn: format!(
            "arn:aws:dynamodb:{}:{}:table/{name}",
            surroundings.region, surroundings.account
        ),
        name,
        attributes,
        key,
        indexes,
        stream,
        ttl,
        line: node.line,
    })
}

fn read_index(index: View<'_>, of: &str) -> Result<Index, TemplateError> {
    let projection = index.need("Projection", of)?;
    let kind = projection.need("ProjectionType", of)?;
    Ok(Index {
        name: index.need("IndexName", of)?.text()?,
        key: read_key(index.need("KeySchema", of)?, of)?,
        projection: match kind.text()?.as_str() {
            "KEYS_ONLY" => Projection::KeysOnly,
            "ALL" => Projection::All,
            "INCLUDE" => {
                let names = projection.need("NonKeyAttributes", of)?.items()?;
                Projection::Include(names.iter().map(View::text).collect::<Result<_, _>>()?)
            }
            other => {
                return Err(kind.error(Problem::WrongType {
                    expected: "a projection type",
                    found: format!("`{other}`"),
                }));
            }
        },
    })
}

fn read_key(schema: View<'_>, of: &str) -> Result<Key, TemplateError> {
    let (mut partition, mut sort) = (None, None);
    for element in schema.items()? {
        let kind = element.need("KeyType", of)?;
        let name = element.need("AttributeName", of)?.text()?;
        match kind.text()?.as_str() {
            "HASH" => partition = Some(name),
            "RANGE" => sort = Some(name),
            other => {
                return Err(kind.error(Problem::WrongType {
                    expected: "HASH or RANGE",
                    found: format!("`{other}`"),
                }));
            }
        }
    }
    match partition {
        Some(partition) => Ok(Key { partition, sort }),
        None => Err(schema.error(Problem::Missing {
            property: "HASH".to_owned(),
            of: of.to_owned(),
        })),
    }
}

//! `AWS::Serverless::Function` with what `Globals` says for all of them.

use std::collections::BTreeMap;
use std::path::Path;

use super::event;
use crate::template::model::{Function, Model};
use crate::template::resolve::Template;
use crate::template::view::View;
use crate::template::yaml::Node;
use crate::template::{Problem, TemplateError};

pub(super) fn read(
    template: &Template<'_>,
    id: &str,
    node: &Node,
    model: &mut Model,
) -> Result<(), TemplateError> {
    let of = format!("the function `{id}`");
    let properties = View::new(template, node).need("Properties", &of)?;
    let globals = match template.section("Globals") {
        Some(globals) => View::new(template, globals).get("Function")?,
        None => None,
    };
    let setting = |key: &str| match properties.get(key)? {
        Some(own) => Ok(Some(own)),
        None => globals.map_or(Ok(None), |globals| globals.get(key)),
    };
    let code = properties.need("CodeUri", &of)?;
    let package = package(&code.text()?).ok_or_else(|| {
        code.error(Problem::WrongType {
            expected: "a path `.../<package>/bootstrap.zip`",
            found: code.node.kind(),
        })
    })?;
    let mut environment = BTreeMap::new();
    for source in [globals, Some(properties)].into_iter().flatten() {
        let Some(section) = source.get("Environment")? else {
            continue;
        };
        let Some(variables) = section.get("Variables")? else {
            continue;
        };
        for (name, value) in variables.entries()? {
            environment.insert(name.to_owned(), value.text()?);
        }
    }
    let (_, name) = template.physical(id, node.line)?;
    let surroundings = template.surroundings;
    model.functions.push(Function {
        id: id.to_owned(),
        package: package.clone(),
        arn: format!(
            "arn:aws:lambda:{}:{}:function:{name}",
            surroundings.region, surroundings.account
        ),
        environment,
        timeout: setting("Timeout")?.map_or(Ok(3), |view| view.number())?,
        memory: setting("MemorySize")?.map_or(Ok(128), |view| view.number())?,
        line: node.line,
    });
    if let Some(events) = properties.get("Events")? {
        for (event, view) in events.entries()? {
            event::read(&format!("{id}.{event}"), &package, view, model)?;
        }
    }
    Ok(())
}

/// The package that a code path is built from: the folder of the archive.
fn package(code: &str) -> Option<String> {
    let path = Path::new(code);
    let archive = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    let folder = if archive { path.parent()? } else { path };
    Some(folder.file_name()?.to_str()?.to_owned())
}

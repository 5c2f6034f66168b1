//! Builds the model: one file for each kind of resource, and the checks that need all of them.

mod event;
mod function;
mod mail;
mod queue;
mod stream;
mod table;

use super::model::Model;
use super::resolve::Template;
use super::view::View;
use super::{Problem, TemplateError};

/// Reads every resource that the runner has a part in.
pub(super) fn model(template: &Template<'_>) -> Result<Model, TemplateError> {
    let mut model = Model::default();
    let resources = template.resources()?;
    let properties = |node| View::new(template, node).get("Properties");
    // Tables and queues first: functions are checked against them.
    for (id, kind, node) in &resources {
        match kind.as_str() {
            "AWS::DynamoDB::Table" => model.tables.push(table::read(template, id, node)?),
            "AWS::SQS::Queue" => model.queues.push(queue::read(template, id, node)?),
            "AWS::S3::Bucket" => {
                let (_, name) = template.physical(id, node.line)?;
                model.buckets.insert((*id).to_owned(), name);
            }
            _ => {}
        }
    }
    for (id, kind, node) in &resources {
        if kind == "AWS::SQS::Queue" {
            let redrive = queue::redrive(template, id, node, &model)?;
            if let Some(queue) = model.queues.iter_mut().find(|queue| queue.id == *id) {
                queue.redrive = redrive;
            }
        }
    }
    for (id, kind, node) in &resources {
        match kind.as_str() {
            "AWS::Serverless::Function" => function::read(template, id, node, &mut model)?,
            // Nothing here builds these, so a function declared that way would be missing without a word.
            "AWS::Lambda::Function" | "AWS::Serverless::Api" | "AWS::Serverless::SimpleTable" => {
                return Err(View::new(template, node)
                    .error(Problem::NotHere(format!("resources of type `{kind}`"))));
            }
            _ => {}
        }
    }
    for (id, kind, node) in &resources {
        let Some(properties) = properties(*node)? else {
            continue;
        };
        let read = match kind.as_str() {
            "AWS::Lambda::EventSourceMapping" => event::mapping_resource,
            "AWS::Scheduler::Schedule" => event::schedule_resource,
            "AWS::Events::Rule" => event::rule_resource,
            _ => continue,
        };
        read(id, properties, &mut model)?;
    }
    model.mail_events = mail::read(template, &resources, &model)?;
    Ok(model)
}

/// The physical name of the queue with this ARN.
fn queue_name(model: &Model, view: View<'_>, what: &'static str) -> Result<String, TemplateError> {
    let arn = view.text()?;
    match model.queues.iter().find(|queue| queue.arn == arn) {
        Some(queue) => Ok(queue.name.clone()),
        None => Err(view.error(Problem::WrongTarget {
            what,
            expected: "a queue",
            found: arn,
        })),
    }
}

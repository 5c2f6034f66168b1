//! `AWS::SQS::Queue`.

use super::queue_name;
use crate::template::model::{Model, Queue, Redrive};
use crate::template::resolve::Template;
use crate::template::view::View;
use crate::template::yaml::Node;
use crate::template::{Problem, TemplateError};

pub(super) fn read(template: &Template<'_>, id: &str, node: &Node) -> Result<Queue, TemplateError> {
    let (_, name) = template.physical(id, node.line)?;
    let surroundings = template.surroundings;
    let mut queue = Queue {
        id: id.to_owned(),
        arn: format!(
            "arn:aws:sqs:{}:{}:{name}",
            surroundings.region, surroundings.account
        ),
        name,
        delay: 0,
        visibility: 30,
        retention: 345_600,
        redrive: None,
    };
    let Some(properties) = View::new(template, node).get("Properties")? else {
        return Ok(queue);
    };
    if properties.flag_or("FifoQueue", false)? {
        return Err(properties.error(Problem::NotHere("FIFO queues".to_owned())));
    }
    queue.delay = properties.number_or("DelaySeconds", queue.delay)?;
    queue.visibility = properties.number_or("VisibilityTimeout", queue.visibility)?;
    queue.retention = properties.number_or("MessageRetentionPeriod", queue.retention)?;
    Ok(queue)
}

/// The redrive policy of a queue, once all queues are known.
pub(super) fn redrive(
    template: &Template<'_>,
    id: &str,
    node: &Node,
    model: &Model,
) -> Result<Option<Redrive>, TemplateError> {
    let of = format!("the queue `{id}`");
    let Some(properties) = View::new(template, node).get("Properties")? else {
        return Ok(None);
    };
    let Some(policy) = properties.get("RedrivePolicy")? else {
        return Ok(None);
    };
    Ok(Some(Redrive {
        max_receives: policy.need("maxReceiveCount", &of)?.number()?,
        queue: queue_name(
            model,
            policy.need("deadLetterTargetArn", &of)?,
            "the dead-letter queue",
        )?,
    }))
}

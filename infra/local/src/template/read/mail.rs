//! The way of mail events: configuration set -> event destination -> topic -> subscription -> queue.
//!
//! Where one link is missing or switched off in the template, no event arrives here either.

use crate::template::model::{MailEvents, Model};
use crate::template::resolve::Template;
use crate::template::view::View;
use crate::template::yaml::Node;
use crate::template::{Problem, TemplateError};

use super::queue_name;

/// A queue that a topic delivers to.
struct Subscription {
    topic: String,
    queue: String,
    raw: bool,
}

pub(super) fn read(
    template: &Template<'_>,
    resources: &[(&str, String, &Node)],
    model: &Model,
) -> Result<Vec<MailEvents>, TemplateError> {
    let mut subscriptions = Vec::new();
    let mut destinations = Vec::new();
    for (id, kind, node) in resources {
        let Some(properties) = View::new(template, node).get("Properties")? else {
            continue;
        };
        match kind.as_str() {
            "AWS::SNS::Subscription" => {
                let topic = properties
                    .need("TopicArn", &format!("the subscription `{id}`"))?
                    .text()?;
                subscriptions.extend(subscription(topic, properties, model)?);
            }
            "AWS::SNS::Topic" => {
                let (_, name) = template.physical(id, node.line)?;
                let topic = format!(
                    "arn:aws:sns:{}:{}:{name}",
                    template.surroundings.region, template.surroundings.account
                );
                for inline in properties
                    .get("Subscription")?
                    .map_or(Ok(Vec::new()), |list| list.items())?
                {
                    subscriptions.extend(subscription(topic.clone(), inline, model)?);
                }
            }
            "AWS::SES::ConfigurationSetEventDestination" => destinations.push((*id, properties)),
            _ => {}
        }
    }
    let mut ways = Vec::new();
    for (id, properties) in destinations {
        let of = format!("the event destination `{id}`");
        let destination = properties.need("EventDestination", &of)?;
        if !destination.flag_or("Enabled", false)? {
            continue;
        }
        // Destinations of other kinds (metrics, for one) bring no events to a function.
        let Some(sns) = destination.get("SnsDestination")? else {
            continue;
        };
        let topic = sns.need("TopicARN", &of)?.text()?;
        let kinds = destination.need("MatchingEventTypes", &of)?.items()?;
        let kinds = kinds
            .iter()
            .map(|kind| kind.text().map(|kind| kind.to_ascii_uppercase()))
            .collect::<Result<Vec<_>, _>>()?;
        for subscription in subscriptions
            .iter()
            .filter(|subscription| subscription.topic == topic)
        {
            ways.push(MailEvents {
                configuration_set: properties.need("ConfigurationSetName", &of)?.text()?,
                kinds: kinds.clone(),
                topic: topic.clone(),
                queue: subscription.queue.clone(),
                raw: subscription.raw,
            });
        }
    }
    Ok(ways)
}

/// A subscription of a queue; others (an operator's address) go nowhere on this machine.
fn subscription(
    topic: String,
    properties: View<'_>,
    model: &Model,
) -> Result<Option<Subscription>, TemplateError> {
    let of = "the subscription";
    if properties.need("Protocol", of)?.text()? != "sqs" {
        return Ok(None);
    }
    if let Some(policy) = properties.get("FilterPolicy")? {
        return Err(policy.error(Problem::NotHere(
            "filter policies of subscriptions".to_owned(),
        )));
    }
    let queue = queue_name(model, properties.need("Endpoint", of)?, "the endpoint")?;
    Ok(Some(Subscription {
        topic,
        queue,
        raw: properties.flag_or("RawMessageDelivery", false)?,
    }))
}

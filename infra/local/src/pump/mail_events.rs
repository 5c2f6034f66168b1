//! The way of a mail event from SES to its queue, as the template lays it: configuration set, event destination, topic, subscription.
//!
//! Knows the envelope that a topic puts around a message, and of the event only its kind and configuration set.

use serde_json::{Value, json};

use super::lane::rfc3339;
use super::queues::Queues;
use crate::runner_db::DbError;
use crate::template::model::MailEvents;

/// Puts `event` into every queue that the template leads it to; none where it leads it nowhere.
pub fn publish(
    ways: &[MailEvents],
    queues: &Queues,
    event: &Value,
    now: i64,
) -> Result<(), DbError> {
    let kind = plain(event["eventType"].as_str().unwrap_or_default());
    let set = &event["mail"]["tags"]["ses:configuration-set"][0];
    let matching = ways.iter().filter(|way| {
        set == way.configuration_set.as_str() && way.kinds.iter().any(|known| plain(known) == kind)
    });
    for way in matching {
        let body = if way.raw {
            event.to_string()
        } else {
            envelope(way, event, now).to_string()
        };
        queues.send(&way.queue, &body)?;
    }
    Ok(())
}

/// `Rendering Failure` in an event is `RENDERING_FAILURE` in a template.
fn plain(kind: &str) -> String {
    kind.chars()
        .filter(char::is_ascii_alphabetic)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// What SNS puts around a message for a queue.
fn envelope(way: &MailEvents, event: &Value, now: i64) -> Value {
    let message = event.to_string();
    let digest = md5::compute(&message);
    json!({
        "Type": "Notification",
        "MessageId": format!("{:032x}", u128::from_be_bytes(digest.0)),
        "TopicArn": way.topic,
        "Subject": "Amazon SES Email Event Notification",
        "Message": message,
        "Timestamp": rfc3339(now),
        "SignatureVersion": "1",
        "Signature": "local",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/local.pem",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pump::queues::tests::{queue, still_clock};

    fn way(raw: bool) -> MailEvents {
        let kinds = ["SEND", "RENDERING_FAILURE"].map(str::to_owned).to_vec();
        MailEvents {
            configuration_set: "mail".to_owned(),
            kinds,
            topic: "arn:topic".to_owned(),
            queue: "q".to_owned(),
            raw,
        }
    }

    fn event(kind: &str, set: &str) -> Value {
        json!({"eventType": kind, "mail": {"messageId": "m", "tags": {"ses:configuration-set": [set]}}})
    }

    fn queued(ways: &[MailEvents], event: &Value) -> Vec<Value> {
        let (clock, db) = still_clock(0);
        let queues = Queues::new(db, clock, "us-east-1", &[queue("q", 0, None)]);
        publish(ways, &queues, event, 0).unwrap();
        queues
            .peek("q")
            .unwrap()
            .iter()
            .map(|message| serde_json::from_str(&message.body).unwrap())
            .collect()
    }

    #[test]
    fn an_event_arrives_in_the_topics_envelope() {
        let sent = event("Send", "mail");
        let [envelope] = &queued(&[way(false)], &sent)[..] else {
            panic!()
        };
        assert_eq!(
            (&envelope["Type"], &envelope["TopicArn"]),
            (&json!("Notification"), &json!("arn:topic"))
        );
        let message: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
        assert_eq!(message, sent);
        assert_eq!(queued(&[way(true)], &sent), [sent]);
    }

    #[test]
    fn only_the_kinds_and_the_set_of_the_template_arrive() {
        assert_eq!(
            queued(&[way(false)], &event("Rendering Failure", "mail")).len(),
            1
        );
        assert!(queued(&[way(false)], &event("Open", "mail")).is_empty());
        assert!(queued(&[way(false)], &event("Send", "other")).is_empty());
        assert!(queued(&[], &event("Send", "mail")).is_empty());
    }
}

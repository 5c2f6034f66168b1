//! What invokes functions: events of a function, and the same written as resources of their own.

use crate::template::model::{Model, Route, ScheduleEntry};
use crate::template::schedule::Schedule;
use crate::template::view::View;
use crate::template::{Problem, TemplateError};

use super::stream;

/// One entry of a function's `Events`.
pub(super) fn read(
    name: &str,
    package: &str,
    event: View<'_>,
    model: &mut Model,
) -> Result<(), TemplateError> {
    let of = format!("the event `{name}`");
    let kind = event.need("Type", &of)?;
    let properties = event.need("Properties", &of)?;
    match kind.text()?.as_str() {
        "HttpApi" => {
            properties.only(
                &[
                    "Path",
                    "Method",
                    "ApiId",
                    "PayloadFormatVersion",
                    "TimeoutInMillis",
                    "RouteSettings",
                ],
                &of,
            )?;
            if let Some(version) = properties.get("PayloadFormatVersion")?
                && version.text()? != "2.0"
            {
                return Err(version.error(Problem::NotHere(
                    "payload formats other than 2.0".to_owned(),
                )));
            }
            let path = properties.need("Path", &of)?;
            let method = properties
                .get("Method")?
                .map(|method| method.text())
                .transpose()?;
            let text = path.text()?;
            if !text.starts_with('/') && text != "$default" {
                return Err(path.error(Problem::WrongType {
                    expected: "a path that begins with `/`",
                    found: format!("`{text}`"),
                }));
            }
            model.routes.push(Route {
                method: method
                    .map(|method| method.to_ascii_uppercase())
                    .filter(|method| method != "ANY" && method != "X-AMAZON-APIGATEWAY-ANY-METHOD"),
                path: text,
                function: package.to_owned(),
                line: event.line(),
            });
        }
        "DynamoDB" => stream::table(
            name,
            package,
            properties.need("Stream", &of)?,
            properties,
            model,
        )?,
        "SQS" => stream::queue(
            name,
            package,
            properties.need("Queue", &of)?,
            properties,
            model,
        )?,
        "Schedule" => {
            properties.only(
                &[
                    "Schedule",
                    "Input",
                    "Enabled",
                    "State",
                    "Name",
                    "Description",
                    "RetryPolicy",
                    "DeadLetterConfig",
                ],
                &of,
            )?;
            let expression = properties.need("Schedule", &of)?;
            schedule(name, package, expression, properties, model)?;
        }
        "ScheduleV2" => {
            properties.only(&SCHEDULER, &of)?;
            let expression = properties.need("ScheduleExpression", &of)?;
            schedule(name, package, expression, properties, model)?;
        }
        other => return Err(kind.error(Problem::NotHere(format!("events of type `{other}`")))),
    }
    Ok(())
}

/// Properties of a schedule that are read here or make no difference on one machine.
const SCHEDULER: [&str; 14] = [
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "Input",
    "State",
    "Name",
    "OmitName",
    "Description",
    "FlexibleTimeWindow",
    "RetryPolicy",
    "DeadLetterConfig",
    "GroupName",
    "RoleArn",
    "PermissionsBoundary",
    "Target",
];

fn schedule(
    name: &str,
    package: &str,
    expression: View<'_>,
    properties: View<'_>,
    model: &mut Model,
) -> Result<(), TemplateError> {
    if let Some(zone) = properties.get("ScheduleExpressionTimezone")?
        && !matches!(zone.text()?.as_str(), "UTC" | "Etc/UTC")
    {
        return Err(zone.error(Problem::NotHere(
            "time zones of schedules other than UTC".to_owned(),
        )));
    }
    let enabled = properties.flag_or("Enabled", true)?
        && properties
            .get("State")?
            .map(|state| state.text())
            .transpose()?
            .is_none_or(|state| state == "ENABLED");
    if !enabled {
        return Ok(());
    }
    let schedule: Schedule = expression
        .text()?
        .parse()
        .map_err(|problem| expression.error(Problem::Schedule(problem)))?;
    model.schedules.push(ScheduleEntry {
        name: name.to_owned(),
        function: package.to_owned(),
        schedule,
        input: input(properties)?,
    });
    Ok(())
}

/// The `Input` of a schedule: JSON as text.
fn input(holder: View<'_>) -> Result<serde_json::Value, TemplateError> {
    match holder.get("Input")? {
        Some(input) => serde_json::from_str(&input.text()?).map_err(|_| {
            input.error(Problem::WrongType {
                expected: "JSON as text",
                found: input.node.kind(),
            })
        }),
        None => Ok(serde_json::json!({})),
    }
}

/// `AWS::Lambda::EventSourceMapping`.
pub(super) fn mapping_resource(
    id: &str,
    properties: View<'_>,
    model: &mut Model,
) -> Result<(), TemplateError> {
    let of = format!("the mapping `{id}`");
    let source = properties.need("EventSourceArn", &of)?;
    let package = target(properties.need("FunctionName", &of)?, model)?;
    let arn = source.text()?;
    if arn.contains(":sqs:") {
        stream::queue(id, &package, source, properties, model)
    } else {
        stream::table(id, &package, source, properties, model)
    }
}

/// `AWS::Scheduler::Schedule`.
pub(super) fn schedule_resource(
    id: &str,
    properties: View<'_>,
    model: &mut Model,
) -> Result<(), TemplateError> {
    let of = format!("the schedule `{id}`");
    properties.only(&SCHEDULER, &of)?;
    let target_view = properties.need("Target", &of)?;
    let package = target(target_view.need("Arn", &of)?, model)?;
    let before = model.schedules.len();
    schedule(
        id,
        &package,
        properties.need("ScheduleExpression", &of)?,
        properties,
        model,
    )?;
    if let Some(added) = model.schedules.get_mut(before) {
        added.input = input(target_view)?;
    }
    Ok(())
}

/// `AWS::Events::Rule` with a schedule; a rule on event patterns is of no use to the runner.
pub(super) fn rule_resource(
    id: &str,
    properties: View<'_>,
    model: &mut Model,
) -> Result<(), TemplateError> {
    let of = format!("the rule `{id}`");
    let Some(expression) = properties.get("ScheduleExpression")? else {
        return Ok(());
    };
    for target_view in properties.need("Targets", &of)?.items()? {
        let package = target(target_view.need("Arn", &of)?, model)?;
        let before = model.schedules.len();
        schedule(id, &package, expression, properties, model)?;
        if let Some(added) = model.schedules.get_mut(before) {
            added.input = input(target_view)?;
        }
    }
    Ok(())
}

/// The package of the function that a name or an ARN stands for.
fn target(view: View<'_>, model: &Model) -> Result<String, TemplateError> {
    let text = view.text()?;
    let named = |arn: &str| arn == text || arn.rsplit(':').next() == Some(text.as_str());
    match model.functions.iter().find(|function| named(&function.arn)) {
        Some(function) => Ok(function.package.clone()),
        None => Err(view.error(Problem::WrongTarget {
            what: "the target",
            expected: "a function",
            found: text,
        })),
    }
}

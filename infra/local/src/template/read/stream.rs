//! Event source mappings: a table's stream or a queue, read into a function.
//!
//! Properties that the runner does not know are refused, so that no mapping behaves otherwise here than when deployed.

use crate::pump::filter::Filter;
use crate::template::model::{Model, QueueMapping, StreamMapping};
use crate::template::view::View;
use crate::template::{Problem, TemplateError};

use super::queue_name;

/// Properties of both kinds of mapping that are read here or make no difference on one machine.
const COMMON: [&str; 12] = [
    "Stream",
    "Queue",
    "EventSourceArn",
    "FunctionName",
    "Enabled",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "FunctionResponseTypes",
    "FilterCriteria",
    "MetricsConfig",
    "ScalingConfig",
    "Tags",
];

/// Properties of a stream's mapping only.
const STREAM: [&str; 6] = [
    "StartingPosition",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "ParallelizationFactor",
    "DestinationConfig",
];

pub(super) fn table(
    name: &str,
    package: &str,
    source: View<'_>,
    properties: View<'_>,
    model: &mut Model,
) -> Result<(), TemplateError> {
    let of = format!("the mapping `{name}`");
    properties.only(&[&COMMON[..], &STREAM[..]].concat(), &of)?;
    let arn = source.text()?;
    let Some(table) = model
        .tables
        .iter()
        .find(|table| arn.starts_with(&format!("{}/stream/", table.arn)))
    else {
        return Err(source.error(Problem::WrongTarget {
            what: "the stream",
            expected: "that of a table",
            found: arn,
        }));
    };
    if table.stream.is_none() {
        let problem = Problem::Missing {
            property: "StreamSpecification".to_owned(),
            of: format!("the table `{}`", table.id),
        };
        return Err(source.error(problem));
    }
    let start = properties.need("StartingPosition", &of)?;
    if start.text()? != "TRIM_HORIZON" {
        return Err(start.error(Problem::NotHere(
            "starting positions other than TRIM_HORIZON".to_owned(),
        )));
    }
    if !properties.flag_or("Enabled", true)? {
        return Ok(());
    }
    let on_failure = match properties.get("DestinationConfig")? {
        Some(config) => match config.get("OnFailure")? {
            Some(destination) => Some(queue_name(
                model,
                destination.need("Destination", &of)?,
                "the destination",
            )?),
            None => None,
        },
        None => None,
    };
    // -1 is how both limits say "none".
    let limit = |key: &str| {
        properties
            .number_or::<i64>(key, -1)
            .map(|value| u32::try_from(value).ok())
    };
    let mapping = StreamMapping {
        name: name.to_owned(),
        table: table.name.clone(),
        stream_arn: arn,
        function: package.to_owned(),
        filters: filters(properties)?,
        batch_size: at_least_one(properties, "BatchSize", 100)?,
        window: properties.number_or("MaximumBatchingWindowInSeconds", 0)?,
        retries: limit("MaximumRetryAttempts")?,
        record_age: limit("MaximumRecordAgeInSeconds")?,
        bisect: properties.flag_or("BisectBatchOnFunctionError", false)?,
        parallelization: at_least_one(properties, "ParallelizationFactor", 1)?,
        report_failures: reports_failures(properties)?,
        on_failure,
    };
    model.streams.push(mapping);
    Ok(())
}

pub(super) fn queue(
    name: &str,
    package: &str,
    source: View<'_>,
    properties: View<'_>,
    model: &mut Model,
) -> Result<(), TemplateError> {
    let of = format!("the mapping `{name}`");
    properties.only(&COMMON, &of)?;
    if let Some(filter) = properties.get("FilterCriteria")? {
        return Err(filter.error(Problem::NotHere("filters on queues".to_owned())));
    }
    let queue = queue_name(model, source, "the queue")?;
    if properties.flag_or("Enabled", true)? {
        model.queue_mappings.push(QueueMapping {
            name: name.to_owned(),
            queue,
            function: package.to_owned(),
            batch_size: at_least_one(properties, "BatchSize", 10)?,
            report_failures: reports_failures(properties)?,
        });
    }
    Ok(())
}

fn at_least_one(properties: View<'_>, key: &str, default: usize) -> Result<usize, TemplateError> {
    Ok(properties.number_or::<usize>(key, default)?.max(1))
}

fn reports_failures(properties: View<'_>) -> Result<bool, TemplateError> {
    let Some(types) = properties.get("FunctionResponseTypes")? else {
        return Ok(false);
    };
    let mut reports = false;
    for item in types.items()? {
        match item.text()?.as_str() {
            "ReportBatchItemFailures" => reports = true,
            other => {
                return Err(item.error(Problem::NotHere(format!("the response type `{other}`"))));
            }
        }
    }
    Ok(reports)
}

fn filters(properties: View<'_>) -> Result<Vec<String>, TemplateError> {
    let mut found = Vec::new();
    if let Some(criteria) = properties.get("FilterCriteria")?
        && let Some(filters) = criteria.get("Filters")?
    {
        for filter in filters.items()? {
            let pattern = filter.need("Pattern", "the filter")?;
            let text = pattern.text()?;
            // Built here once only to be refused with its line.
            Filter::new(std::slice::from_ref(&text))
                .map_err(|error| pattern.error(Problem::Filter(error)))?;
            found.push(text);
        }
    }
    Ok(found)
}

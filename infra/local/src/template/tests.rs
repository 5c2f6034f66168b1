//! Templates as text in, model or error out; and the template that is deployed.

use std::collections::BTreeMap;
use std::path::Path;

use super::model::{Key, Projection, Redrive};
use super::*;

const BASE: &str = r#"
Parameters:
  Stage: {Type: String, Default: dev}
  PublicUrl: {Type: String}
  Days: {Type: Number, Default: 2}
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
  NotDev: !Not [!Condition IsDev]
  Both: !And [!Condition IsDev, !Not [!Condition NotDev]]
Mappings:
  Sizes: {dev: {memory: "128"}, prod: {memory: "512"}}
Resources:
  FactsTable:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub ${AWS::StackName}-facts
      AttributeDefinitions:
        - {AttributeName: lead_id, AttributeType: S}
        - {AttributeName: at, AttributeType: N}
      KeySchema: [{AttributeName: lead_id, KeyType: HASH}, {AttributeName: at, KeyType: RANGE}]
      GlobalSecondaryIndexes:
        - IndexName: by_day
          KeySchema: [{AttributeName: at, KeyType: HASH}]
          Projection: {ProjectionType: INCLUDE, NonKeyAttributes: [kind]}
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
  Dead:
    Type: AWS::SQS::Queue
  Failures:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Join ["-", [!Ref AWS::StackName, failures]]
      DelaySeconds: 300
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Unused:
    Type: AWS::SQS::Queue
    Condition: NotDev
  ScoreFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ../target/lambda/score/bootstrap.zip
      Role: !ImportValue never-read
      MemorySize: !FindInMap [Sizes, !Ref Stage, memory]
      Timeout: 60
      Environment:
        Variables:
          STAGE: !Ref Stage
          TABLE: !Ref FactsTable
          PUBLIC_URL: !Ref PublicUrl
          QUEUE: !Ref Failures
          EXTRA: !If [NotDev, only-there, !Ref AWS::NoValue]
          GREETING: !Sub ["${Word}, ${!Literal} ${AWS::Region}", {Word: hello}]
      Events:
        Facts:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt FactsTable.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 25
            BisectBatchOnFunctionError: true
            MaximumRetryAttempts: 8
            MaximumRecordAgeInSeconds: -1
            FunctionResponseTypes: [ReportBatchItemFailures]
            DestinationConfig: {OnFailure: {Destination: !GetAtt Failures.Arn}}
            FilterCriteria: {Filters: [{Pattern: '{"dynamodb":{"NewImage":{"a":{"S":["b"]}}}}'}]}
        Lost:
          Type: SQS
          Properties: {Queue: !GetAtt Failures.Arn, BatchSize: 1}
        Form:
          Type: HttpApi
          Properties: {Path: "/f/{form}", Method: any}
        Minute:
          Type: ScheduleV2
          Properties: {ScheduleExpression: rate(1 minute), Input: '{"tick":"minute"}'}
  Set:
    Type: AWS::SES::ConfigurationSet
    Properties: {Name: mail}
  Topic:
    Type: AWS::SNS::Topic
  Mapping:
    Type: AWS::SES::ConfigurationSetEventDestination
    Properties:
      ConfigurationSetName: !Ref Set
      EventDestination:
        Enabled: true
        MatchingEventTypes: [SEND, BOUNCE]
        SnsDestination: {TopicARN: !Ref Topic}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Failures.Arn}
"#;

fn parameters() -> BTreeMap<String, String> {
    BTreeMap::from([("PublicUrl".to_owned(), "http://127.0.0.1:8787".to_owned())])
}

fn read(text: &str) -> Result<Model, TemplateError> {
    parse(text, &parameters(), &Surroundings::default())
}

/// The error of the base template with one line replaced, and that line's number.
fn error_with(from: &str, to: &str) -> (usize, TemplateError) {
    assert_eq!(BASE.matches(from).count(), 1, "{from}");
    let line = BASE[..BASE.find(from).unwrap()].matches('\n').count() + 1;
    (line, read(&BASE.replace(from, to)).unwrap_err())
}

/// Asserts that the error stands on the replaced line and says so.
fn refused(from: &str, to: &str, expected: &str) {
    let (line, error) = error_with(from, to);
    assert_eq!(error.to_string(), format!("line {line}: {expected}"));
}

#[test]
fn tables_come_with_keys_indexes_stream_and_expiry() {
    let model = read(BASE).unwrap();
    let table = model.table("FactsTable").unwrap();
    assert_eq!(table.name, "lodestone-facts");
    assert_eq!(
        table.key,
        Key {
            partition: "lead_id".to_owned(),
            sort: Some("at".to_owned())
        }
    );
    assert_eq!(table.attributes["at"], "N");
    assert_eq!(
        table.indexes[0].projection,
        Projection::Include(vec!["kind".to_owned()])
    );
    assert_eq!(
        (table.stream.as_deref(), table.ttl.as_deref()),
        (Some("NEW_IMAGE"), Some("ttl"))
    );
}

#[test]
fn functions_come_with_their_package_and_resolved_variables() {
    let model = read(BASE).unwrap();
    let function = model.function("score").unwrap();
    let expected = [
        ("GREETING", "hello, ${Literal} us-east-1"),
        ("PUBLIC_URL", "http://127.0.0.1:8787"),
        (
            "QUEUE",
            "https://sqs.us-east-1.amazonaws.com/000000000000/lodestone-failures",
        ),
        ("STAGE", "dev"),
        ("TABLE", "lodestone-facts"),
    ];
    let variables: Vec<(&str, &str)> = function
        .environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        variables, expected,
        "a variable that is AWS::NoValue is not there"
    );
    assert_eq!((function.memory, function.timeout), (128, 60));
}

#[test]
fn mappings_come_with_what_they_read_and_how() {
    let model = read(BASE).unwrap();
    let stream = &model.streams[0];
    assert_eq!(
        (
            stream.name.as_str(),
            stream.table.as_str(),
            stream.function.as_str()
        ),
        ("ScoreFunction.Facts", "lodestone-facts", "score")
    );
    assert_eq!(
        (
            stream.batch_size,
            stream.retries,
            stream.record_age,
            stream.bisect
        ),
        (25, Some(8), None, true)
    );
    assert_eq!(stream.on_failure.as_deref(), Some("lodestone-failures"));
    assert_eq!(stream.filters.len(), 1);
    assert!(stream.report_failures && !model.queue_mappings[0].report_failures);
    assert_eq!(
        model.queue("lodestone-failures").unwrap().redrive,
        Some(Redrive {
            max_receives: 3,
            queue: "lodestone-Dead".to_owned()
        })
    );
    assert_eq!(
        (
            model.routes[0].method.clone(),
            model.routes[0].path.as_str()
        ),
        (None, "/f/{form}")
    );
    assert_eq!(model.schedules[0].input["tick"], "minute");
}

#[test]
fn a_resource_whose_condition_fails_is_not_there() {
    assert_eq!(read(BASE).unwrap().queues.len(), 2);
    let staged = BTreeMap::from([
        ("Stage".to_owned(), "prod".to_owned()),
        ("PublicUrl".to_owned(), "https://x".to_owned()),
    ]);
    let model = parse(BASE, &staged, &Surroundings::default()).unwrap();
    assert_eq!(model.queues.len(), 3);
    assert_eq!(model.function("score").unwrap().memory, 512);
    assert_eq!(
        model.function("score").unwrap().environment["EXTRA"],
        "only-there"
    );
}

#[test]
fn mail_events_go_the_way_that_the_template_lays() {
    let way = &read(BASE).unwrap().mail_events[0];
    assert_eq!(
        (way.configuration_set.as_str(), way.queue.as_str(), way.raw),
        ("mail", "lodestone-failures", false)
    );
    assert_eq!(way.kinds, ["SEND", "BOUNCE"]);
    for (from, to) in [
        (
            "Enabled: true\n        Matching",
            "Enabled: false\n        Matching",
        ),
        ("Protocol: sqs", "Protocol: email"),
    ] {
        assert!(
            read(&BASE.replace(from, to))
                .unwrap()
                .mail_events
                .is_empty(),
            "{to}"
        );
    }
}

#[test]
fn an_intrinsic_function_that_is_read_and_unknown_names_its_line() {
    refused(
        "STAGE: !Ref Stage",
        "STAGE: !ImportValue other-stack",
        "the local runner reads this property and does not understand `Fn::ImportValue`",
    );
    refused(
        "Timeout: 60",
        "Timeout: !Select [0, [60]]",
        "the local runner reads this property and does not understand `Fn::Select`",
    );
}

#[test]
fn names_that_stand_for_nothing_name_their_line() {
    refused(
        "TABLE: !Ref FactsTable",
        "TABLE: !Ref Missing",
        "nothing is called `Missing`",
    );
    refused(
        "STAGE: !Ref Stage",
        "STAGE: !Sub '${Stage}-${Missing.Arn}'",
        "nothing is called `Missing`",
    );
    refused(
        "QUEUE: !Ref Failures",
        "QUEUE: !GetAtt Failures.Colour",
        "`Failures` has no attribute `Colour` that the local runner knows",
    );
    refused(
        "!FindInMap [Sizes, !Ref Stage, memory]",
        "!FindInMap [Sizes, !Ref Stage, disk]",
        "nothing is called `Sizes.dev.disk`",
    );
    refused(
        "EXTRA: !If [NotDev",
        "EXTRA: !If [Missing",
        "nothing is called `Missing`",
    );
}

#[test]
fn a_parameter_without_a_value_names_the_line_that_needs_it() {
    let error = parse(BASE, &BTreeMap::new(), &Surroundings::default()).unwrap_err();
    let line = BASE[..BASE.find("PUBLIC_URL").unwrap()]
        .matches('\n')
        .count()
        + 1;
    assert_eq!(
        error.to_string(),
        format!(
            "line {line}: the parameter `PublicUrl` has no default, and no value for it is known on this machine"
        )
    );
}

#[test]
fn what_would_not_work_here_is_refused_and_not_ignored() {
    refused(
        "BatchSize: 25",
        "TumblingWindowInSeconds: 25",
        "the local runner does not know `TumblingWindowInSeconds` of the mapping `ScoreFunction.Facts`",
    );
    refused(
        "StartingPosition: TRIM_HORIZON",
        "StartingPosition: LATEST",
        "the local runner does not know starting positions other than TRIM_HORIZON",
    );
    refused(
        "Type: HttpApi",
        "Type: S3",
        "the local runner does not know events of type `S3`",
    );
    refused(
        "rate(1 minute)",
        "rate(1 minutes)",
        "not a schedule: `rate(1 minutes)` is not a number and a unit",
    );
    let (line, error) = error_with(
        r#"[{Pattern: '{"dynamodb":{"NewImage":{"a":{"S":["b"]}}}}'}]"#,
        r#"[{Pattern: '{"dynamodb": "b"}'}]"#,
    );
    assert_eq!(error.line, line);
    assert!(matches!(error.problem, Problem::Filter(_)), "{error}");
}

#[test]
fn values_of_the_wrong_type_name_their_line() {
    refused(
        "DelaySeconds: 300",
        "DelaySeconds: soon",
        "expected a number, found `soon`",
    );
    refused(
        "BisectBatchOnFunctionError: true",
        "BisectBatchOnFunctionError: perhaps",
        "expected true or false, found `perhaps`",
    );
    refused(
        "deadLetterTargetArn: !GetAtt Dead.Arn",
        "deadLetterTargetArn: nowhere",
        "the dead-letter queue has to be a queue of this template, found `nowhere`",
    );
    refused(
        "Stream: !GetAtt FactsTable.StreamArn",
        "Stream: !GetAtt Failures.Arn",
        "the stream has to be that of a table of this template, found `arn:aws:sqs:us-east-1:000000000000:lodestone-failures`",
    );
}

#[test]
fn a_circle_of_conditions_is_an_error_and_not_an_overflow() {
    let (_, error) = error_with(
        "NotDev: !Not [!Condition IsDev]",
        "NotDev: !Not [!Condition Both]",
    );
    assert!(matches!(error.problem, Problem::Circle(_)), "{error}");
}

#[test]
fn a_stream_needs_a_table_that_has_one() {
    let (_, error) = error_with(
        "      StreamSpecification: {StreamViewType: NEW_IMAGE}\n",
        "",
    );
    assert_eq!(
        error.problem,
        Problem::Missing {
            property: "StreamSpecification".to_owned(),
            of: "the table `FactsTable`".to_owned()
        }
    );
}

#[test]
fn the_template_that_is_deployed_can_be_run_here() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let mut parameters = parameters();
    parameters.insert("Stage".to_owned(), "local".to_owned());
    let model = load(&path, &parameters, &Surroundings::default())
        .map_err(|error| error.to_string())
        .unwrap();
    assert_eq!(model.functions.len(), 7);
    assert_eq!(model.tables.len(), 4);
    assert_eq!(model.streams.len(), 3);
    assert_eq!(model.schedules.len(), 4);
    assert_eq!(model.mail_events.len(), 1);
    // What has no event would never run.
    for function in &model.functions {
        let named = |other: &String| *other == function.package;
        let reached = model.routes.iter().any(|route| named(&route.function))
            || model.streams.iter().any(|mapping| named(&mapping.function))
            || model
                .queue_mappings
                .iter()
                .any(|mapping| named(&mapping.function))
            || model.schedules.iter().any(|entry| named(&entry.function));
        assert!(reached, "{}", function.package);
    }
}

#[test]
fn a_file_that_is_not_there_is_a_sentence_with_its_path() {
    let error = load(
        Path::new("/nowhere/template.yaml"),
        &parameters(),
        &Surroundings::default(),
    )
    .unwrap_err();
    assert!(
        error.to_string().starts_with("/nowhere/template.yaml: "),
        "{error}"
    );
}

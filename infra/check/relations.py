"""What must hold between resources, and what no tool checks: patience of queues, filters, ticks, grants, readers of a stream.

One function for each statement; its docstring is the statement, its name is the code in the report. It yields
`(logical id, what is wrong)`. To add one, write it here with @relation and a mutant in mutants.py that it catches: the
mutants fail until there is one.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Iterator

from stack import NAMES, Stack, listed

Problems = Iterator[tuple[str, str]]
RELATIONS: list[Callable[[Stack], Problems]] = []

INTRINSICS = {"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::If", "Fn::FindInMap"}
CONDITION_FUNCTIONS = {"Ref", "Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or", "Fn::FindInMap", "Condition"}

# Variable -> the resource whose grant it must come with.
TABLES = {
    "TOUCHPOINTS_TABLE": "TouchpointsTable",
    "LEADS_TABLE": "LeadsTable",
    "OUTBOX_TABLE": "OutboxTable",
    "OPS_TABLE": "OpsTable",
}
STREAM_ACTIONS = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}
QUEUE_ACTIONS = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
# The only wildcards: the files of the bucket that are magnets, the streams inside one log group, the secrets that site files name.
NARROW = re.compile(
    r"^[^*]+$|^arn:aws:s3:::[^*/]+/magnets/\*$|^arn:aws:logs:[^*]+:log-group:[^*]+:\*$|^arn:aws:ssm:[^*]+:parameter(/[^*/]+)+/\*$"
)
FORTNIGHT = 14 * 24 * 3600


def relation(check: Callable[[Stack], Problems]) -> Callable[[Stack], Problems]:
    RELATIONS.append(check)
    return check


def mappings(stack: Stack, stream: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, mapping in stack.of("AWS::Lambda::EventSourceMapping").items():
        if ("StartingPosition" in mapping) == stream:
            yield name, mapping


def function_of(stack: Stack, mapping: dict[str, Any]) -> dict[str, Any]:
    return stack.of("AWS::Lambda::Function").get(stack.target(mapping["FunctionName"]), {})


def role_of(stack: Stack, mapping: dict[str, Any]) -> str | None:
    return stack.target(function_of(stack, mapping).get("Role"))


# --- the file itself ----------------------------------------------------------------------------------------------------


@relation
def only_what_the_local_runner_understands(stack: Stack) -> Problems:
    """Ref, GetAtt, Sub, Join, If and FindInMap; conditions; no Globals: the local runner reads this file."""

    def walk(node: Any, allowed: set[str], where: str) -> Problems:
        if isinstance(node, list):
            for item in node:
                yield from walk(item, allowed, where)
        elif isinstance(node, dict):
            for key, item in node.items():
                if key.startswith("Fn::") and key not in allowed:
                    yield where, f"{key} is unknown to the local runner"
                yield from walk(item, allowed, where)

    if "Globals" in stack.source:
        yield "Globals", "each function says all of its settings itself"
    for section in ("Resources", "Outputs"):
        for name, node in stack.source.get(section, {}).items():
            yield from walk(node, INTRINSICS, name)
    for section in ("Conditions", "Rules"):
        for name, node in stack.source.get(section, {}).items():
            yield from walk(node, CONDITION_FUNCTIONS, name)


@relation
def functions_are_named_after_their_package(stack: Stack) -> Problems:
    """`capture` is CaptureFunction, from ../target/lambda/capture/bootstrap.zip, in the log group /aws/lambda/<stack>-capture."""
    for name, resource in stack.source["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        properties = resource["Properties"]
        match = re.fullmatch(r"\.\./target/lambda/([a-z]+)/bootstrap\.zip", str(properties.get("CodeUri")))
        if not match:
            yield name, f"CodeUri {properties.get('CodeUri')!r} is not ../target/lambda/<package>/bootstrap.zip"
            continue
        package = match.group(1)
        if name != package.capitalize() + "Function":
            yield name, f"runs the package {package}"
        if stack.resolve(properties.get("FunctionName")) != f"lodestone-{package}":
            yield name, "FunctionName is not <stack>-<package>"
        group = (properties.get("LoggingConfig") or {}).get("LogGroup")
        if stack.resolve(group) != f"/aws/lambda/lodestone-{package}":
            yield name, "does not log into its own group"


@relation
def names_are_unique(stack: Stack) -> Problems:
    """No two resources of a type get one name: the second would fail in the middle of a deployment."""
    seen: dict[tuple[str, str], str] = {}
    for kind, (prop, _) in NAMES.items():
        for name, properties in stack.of(kind).items():
            given = stack.resolve(properties.get(prop))
            first = seen.setdefault((kind, given), name)
            if given is not None and first != name:
                yield name, f"is called {given}, as {first} is"


# --- streams and queues -------------------------------------------------------------------------------------------------


@relation
def streams_exist_and_have_two_readers_at_most(stack: Stack) -> Problems:
    """A mapping reads the stream of a table that has one; a third reader would throttle the others."""
    readers: dict[str | None, int] = {}
    for name, mapping in mappings(stack, stream=True):
        table = stack.target(mapping["EventSourceArn"])
        readers[table] = readers.get(table, 0) + 1
        view = stack.of("AWS::DynamoDB::Table").get(table, {}).get("StreamSpecification", {}).get("StreamViewType")
        if view != "NEW_IMAGE":
            yield name, f"{table} has no stream of new images"
        if readers[table] > 2:
            yield name, f"is the third reader of {table}"


@relation
def filters_are_on_records_only(stack: Stack) -> Problems:
    """A filter is JSON over dynamodb.Keys, NewImage and OldImage; nothing else of a stream record is documented to match."""

    def leaves(node: Any) -> bool:
        if isinstance(node, list):
            return bool(node)
        return isinstance(node, dict) and bool(node) and all(map(leaves, node.values()))

    for name, mapping in mappings(stack, stream=True):
        for filter_ in mapping.get("FilterCriteria", {}).get("Filters", []):
            try:
                pattern = json.loads(filter_["Pattern"])
            except (ValueError, TypeError) as error:
                yield name, f"filter is not JSON: {error}"
                continue
            if set(pattern) != {"dynamodb"} or not set(pattern["dynamodb"]) <= {"Keys", "NewImage", "OldImage"}:
                yield name, f"filter looks at {sorted(pattern)}, not only at dynamodb.Keys, NewImage, OldImage"
            elif not leaves(pattern):
                yield name, "each leaf of a filter is a list of what may match"


@relation
def queues_wait_for_their_readers(stack: Stack) -> Problems:
    """Visibility is at least six times the reader's time-out, else a message is handed out while still being worked on."""
    for name, mapping in mappings(stack, stream=False):
        queue = stack.target(mapping["EventSourceArn"])
        visible = int(stack.of("AWS::SQS::Queue").get(queue, {}).get("VisibilityTimeout", 30))
        timeout = int(function_of(stack, mapping).get("Timeout", 3))
        if visible < 6 * timeout:
            yield name, f"{queue} hides a message for {visible} s, its reader may take {timeout} s"


@relation
def queues_that_are_read_have_a_dead_letter_queue(stack: Stack) -> Problems:
    """A message that fails five times goes to a queue that nobody reads, and stays a fortnight."""
    queues = stack.of("AWS::SQS::Queue")
    read = {stack.target(mapping["EventSourceArn"]) for _, mapping in mappings(stack, stream=False)}
    for queue in sorted(filter(None, read)):
        policy = queues.get(queue, {}).get("RedrivePolicy", {})
        dead = stack.target(policy.get("deadLetterTargetArn"))
        if dead not in queues or dead in read:
            yield queue, "has no dead-letter queue of its own"
        elif int(policy.get("maxReceiveCount", 0)) < 5:
            yield queue, "gives up before the fifth try"
        elif queues[dead].get("MessageRetentionPeriod") != FORTNIGHT:
            yield dead, "forgets before anyone may have come back from holiday"


@relation
def lost_batches_are_kept_and_nobody_shares_their_queue(stack: Stack) -> Problems:
    """Each stream has an on-failure queue of its own, with a fortnight's memory."""
    seen: dict[str | None, str] = {}
    for name, mapping in mappings(stack, stream=True):
        queue = stack.target(mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"))
        retention = stack.of("AWS::SQS::Queue").get(queue, {}).get("MessageRetentionPeriod")
        if retention != FORTNIGHT:
            yield name, f"on-failure queue {queue} is missing or forgets early"
        if queue in seen:
            yield name, f"shares {queue} with {seen[queue]}"
        seen[queue] = name


@relation
def losses_raise_an_alarm(stack: Stack) -> Problems:
    """Each on-failure queue and each dead-letter queue has an alarm that tells someone."""
    watched = set()
    for name, alarm in stack.of("AWS::CloudWatch::Alarm").items():
        if not any(stack.target(action) in stack.of("AWS::SNS::Topic") for action in alarm.get("AlarmActions", [])):
            yield name, "tells nobody"
        if alarm.get("Namespace") == "AWS/SQS":
            watched |= {stack.target(dimension["Value"]) for dimension in alarm.get("Dimensions", [])}
    queues = stack.of("AWS::SQS::Queue")
    lossy = {stack.target(queue.get("RedrivePolicy", {}).get("deadLetterTargetArn")) for queue in queues.values()}
    for _, mapping in mappings(stack, stream=True):
        lossy.add(stack.target(mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")))
    for queue in sorted(filter(None, lossy - watched)):
        yield queue, "fills without an alarm"


@relation
def counted_log_lines_raise_an_alarm(stack: Stack) -> Problems:
    """Each metric made of log lines is watched by an alarm, under the very same name."""
    watched = {
        (str(alarm.get("Namespace")), alarm.get("MetricName"))
        for alarm in stack.of("AWS::CloudWatch::Alarm").values()
    }
    for name, lines in stack.of("AWS::Logs::MetricFilter").items():
        for made in lines.get("MetricTransformations", []):
            if (str(made.get("MetricNamespace")), made.get("MetricName")) not in watched:
                yield name, f"counts {made.get('MetricName')}, which no alarm watches"


@relation
def readers_may_read_what_they_read(stack: Stack) -> Problems:
    """The role behind a mapping can read its source, and may send to its on-failure queue and to no other."""
    for name, mapping in mappings(stack, stream=True):
        missing = STREAM_ACTIONS - stack.granted(role_of(stack, mapping), stack.resolve(mapping["EventSourceArn"]))
        if missing:
            yield name, f"its role lacks {sorted(missing)} on the stream"
    for name, mapping in mappings(stack, stream=False):
        missing = QUEUE_ACTIONS - stack.granted(role_of(stack, mapping), stack.resolve(mapping["EventSourceArn"]))
        if missing:
            yield name, f"its role lacks {sorted(missing)} on the queue"

    sends: dict[str | None, set[str]] = {}
    for _, mapping in mappings(stack, stream=True):
        destination = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        sends.setdefault(role_of(stack, mapping), set()).add(stack.resolve(destination))
    for role in stack.of("AWS::IAM::Role"):
        granted = {
            resource
            for statement in stack.statements(role)
            if "sqs:SendMessage" in statement["Action"]
            for resource in statement["Resource"]
        }
        if granted != sends.get(role, set()):
            yield role, f"may send to {sorted(granted)}, its mappings fail to {sorted(map(str, sends.get(role, set())))}"


# --- ticks --------------------------------------------------------------------------------------------------------------


@relation
def ticks_say_what_they_are(stack: Stack) -> Problems:
    """Each schedule passes {"tick":"minute"} each minute or {"tick":"day"} once a day, through a role that can do only that."""
    for name, schedule in stack.of("AWS::Scheduler::Schedule").items():
        target = schedule.get("Target", {})
        expression = str(schedule.get("ScheduleExpression"))
        daily = re.fullmatch(r"cron\(\d{1,2} \d{1,2} \* \* \? \*\)", expression)
        tick = "minute" if expression == "rate(1 minute)" else "day" if daily else None
        try:
            given = json.loads(target.get("Input", ""))
        except ValueError:
            given = None
        if tick is None or given != {"tick": tick}:
            yield name, f"runs at {expression} with the input {target.get('Input')!r}"
        role = stack.target(target.get("RoleArn"))
        invokes = [(s["Action"], s["Resource"]) for s in stack.statements(role)]
        if invokes != [(["lambda:InvokeFunction"], [stack.resolve(target.get("Arn"))])]:
            yield name, f"its role {role} does not invoke exactly its function"
        trust = stack.of("AWS::IAM::Role").get(role, {}).get("AssumeRolePolicyDocument", {})
        for statement in trust.get("Statement", []):
            condition = statement.get("Condition", {}).get("StringEquals", {})
            if set(condition) != {"aws:SourceAccount", "aws:SourceArn"}:
                yield role or name, "can be assumed on behalf of another account's schedule"


# --- grants -------------------------------------------------------------------------------------------------------------


@relation
def every_function_has_a_role_of_its_own(stack: Stack) -> Problems:
    """No two functions share a role, and each may write only into its own log group."""
    owners: dict[str | None, str] = {}
    for name, function in stack.of("AWS::Lambda::Function").items():
        role = stack.target(function.get("Role"))
        if role in owners:
            yield name, f"shares {role} with {owners[role]}"
        owners[role] = name
        group = stack.target(function.get("LoggingConfig", {}).get("LogGroup"))
        own = stack.resolve({"Fn::GetAtt": [group, "Arn"]}) if group else None
        written = {r for s in stack.statements(role) if "logs:PutLogEvents" in s["Action"] for r in s["Resource"]}
        if written != {own}:
            yield name, f"may log into {sorted(written)}, logs into {group}"


@relation
def grants_are_narrow(stack: Stack) -> Problems:
    """Resolved, every resource is one thing; no one may Scan; only `keep` deletes; who may send has one address to send from."""
    keeper = stack.target(stack.of("AWS::Lambda::Function").get("KeepFunction", {}).get("Role"))
    for role in stack.of("AWS::IAM::Role"):
        for statement in stack.statements(role):
            sid = statement.get("Sid", "")
            for resource in statement["Resource"]:
                if not NARROW.match(resource):
                    yield role, f"{sid}: {resource} is wider than one thing"
            for action in statement["Action"]:
                service, verb = action.split(":", 1) if ":" in action else (action, "")
                if verb.endswith("Scan"):
                    yield role, f"{sid}: may scan"
                if service == "dynamodb" and verb.startswith(("Delete", "BatchWrite", "PartiQL")) and role != keeper:
                    yield role, f"{sid}: {action}, but only keep deletes"
                if service == "ses":
                    sender = statement.get("Condition", {}).get("StringEquals", {}).get("ses:FromAddress")
                    if verb != "SendEmail" or not isinstance(sender, str):
                        yield role, f"{sid}: {action} without a single ses:FromAddress"


@relation
def variables_and_grants_agree(stack: Stack) -> Problems:
    """A table, bucket, secret or sender in a function's variables is granted to its role, and the reverse."""
    region, account = "eu-central-1", "123456789012"
    for name, function in stack.of("AWS::Lambda::Function").items():
        variables = stack.resolve(function.get("Environment", {}).get("Variables", {}))
        statements = stack.statements(stack.target(function.get("Role")))
        reached = {r for s in statements for r in s["Resource"]}

        for variable, table in TABLES.items():
            arn = stack.resolve({"Fn::GetAtt": [table, "Arn"]})
            if variables.get(variable) not in (None, arn.split("/")[-1]):
                yield name, f"{variable} is {variables[variable]}"
            if (variable in variables) != any(r == arn or r.startswith(arn + "/index/") for r in reached):
                yield name, f"{variable} and the grants on {table} do not agree"

        secrets = {f"arn:aws:ssm:{region}:{account}:parameter{v}" for k, v in variables.items() if k.endswith("_PARAM")}
        secrets |= {f"arn:aws:ssm:{region}:{account}:parameter{v}/*" for k, v in variables.items() if k == "SITE_SECRETS_PREFIX"}
        granted = {r for s in statements if "ssm:GetParameters" in s["Action"] for r in s["Resource"]}
        if secrets != granted:
            yield name, f"names the secrets {sorted(secrets)}, may read {sorted(granted)}"

        senders = {v for k, v in variables.items() if k in ("MAIL_FROM", "ALERT_FROM")}
        allowed = {
            s.get("Condition", {}).get("StringEquals", {}).get("ses:FromAddress")
            for s in statements
            if "ses:SendEmail" in s["Action"]
        }
        if senders != allowed:
            yield name, f"sends from {sorted(senders)}, may send from {sorted(map(str, allowed))}"

        buckets = {f"arn:aws:s3:::{v}/magnets/*" for k, v in variables.items() if k == "MAGNETS_BUCKET"}
        if buckets != {r for s in statements if "s3:GetObject" in s["Action"] for r in s["Resource"]}:
            yield name, "MAGNETS_BUCKET and the grant on magnets do not agree"

        if ("SITE_FILE" in variables) != bool(function.get("Layers")):
            yield name, "SITE_FILE and the site layer go together"


@relation
def granted_indexes_exist(stack: Stack) -> Problems:
    """A grant on an index names one that its table has, and every index is granted to someone."""
    indexes = {
        stack.resolve({"Fn::GetAtt": [table, "Arn"]}) + "/index/" + index["IndexName"]: table
        for table, properties in stack.of("AWS::DynamoDB::Table").items()
        for index in properties.get("GlobalSecondaryIndexes", [])
    }
    granted = {}
    for role in stack.of("AWS::IAM::Role"):
        for statement in stack.statements(role):
            for resource in statement["Resource"]:
                if "/index/" in resource:
                    granted[resource] = role
    for resource, role in granted.items():
        if resource not in indexes:
            yield role, f"{resource} is no index"
    for resource, table in indexes.items():
        if resource not in granted:
            yield table, f"{resource} is read by nobody"


@relation
def doors_of_queues_and_topics_are_guarded(stack: Stack) -> Problems:
    """What lets another service in says on whose behalf: a named service, a condition on the source."""
    for name, policy in stack.of("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            principal = statement.get("Principal")
            service = principal.get("Service") if isinstance(principal, dict) else None
            sources = {key for test in statement.get("Condition", {}).values() for key in test}
            if not isinstance(service, str) or "aws:SourceArn" not in sources:
                yield name, "lets in more than one source"


@relation
def mail_events_reach_feedback(stack: Stack) -> Problems:
    """Configuration set -> topic -> queue -> feedback, each link in place and permitted."""
    topics = {
        stack.target(out["EventDestination"].get("SnsDestination", {}).get("TopicARN"))
        for out in stack.of("AWS::SES::ConfigurationSetEventDestination").values()
    }
    read = {
        stack.target(mapping["EventSourceArn"])
        for _, mapping in mappings(stack, stream=False)
        if stack.target(mapping["FunctionName"]) == "FeedbackFunction"
    }
    if not topics or not read:
        yield "FeedbackFunction", "no mail events go in, or none come out"
    open_to = {
        arn
        for policy in stack.of("AWS::SQS::QueuePolicy").values()
        for statement in stack.resolve(policy["PolicyDocument"])["Statement"]
        for arn in listed(statement["Resource"])
    }
    subscriptions = [s for s in stack.of("AWS::SNS::Subscription").values() if s.get("Protocol") == "sqs"]
    for topic in sorted(filter(None, topics)):
        ends = {stack.target(s["Endpoint"]) for s in subscriptions if stack.target(s["TopicArn"]) == topic}
        if not ends or not ends <= read:
            yield topic, "does not lead to a queue that feedback reads"
        for queue in sorted(filter(None, ends)):
            if stack.resolve({"Fn::GetAtt": [queue, "Arn"]}) not in open_to:
                yield queue, "does not let the topic in"

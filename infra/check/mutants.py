#!/usr/bin/env python3
"""Proves the proof: copies of the template with one mistake each, every one of which the chain must refuse.

    python infra/check/mutants.py [--all] [WORD]

A mistake that nothing notices fails the run, and so does a rule of ours (Guard, relations) that no mistake sets off: either
would be a check that checks nothing. Prints for each mistake which steps caught it. cfn-lint takes four times as long as all
the others together, so it is asked only where nothing else has noticed or where it is named as the one to notice; --all
asks it each time. WORD keeps only the mistakes whose description has it.
"""

from __future__ import annotations

import argparse
import copy
import os
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from typing import Any, Callable

from chain import GUARD, PARAMETERS, STEPS, TEMPLATE, expanded, look
from relations import RELATIONS
from stack import read

Template = dict[str, Any]
MUTANTS: dict[str, tuple[Callable[[Template], None], str | None]] = {}


def mutant(description: str, by: str | None = None) -> Callable[[Callable[[Template], None]], None]:
    """Registers a mistake. `by` names a step that must be among those that notice."""

    def add(change: Callable[[Template], None]) -> None:
        assert description not in MUTANTS, description
        MUTANTS[description] = change, by

    return add


def the(template: Template, name: str) -> dict[str, Any]:
    return template["Resources"][name]["Properties"]


def event(template: Template, function: str, name: str) -> dict[str, Any]:
    return the(template, function)["Events"][name]["Properties"]


def statement(template: Template, role: str, sid: str) -> dict[str, Any]:
    statements = the(template, role)["Policies"][0]["PolicyDocument"]["Statement"]
    return next(s for s in statements if s.get("Sid") == sid)


def drop_statement(template: Template, role: str, sid: str) -> None:
    the(template, role)["Policies"][0]["PolicyDocument"]["Statement"].remove(statement(template, role, sid))


# --- slips of the pen ---------------------------------------------------------------------------------------------------


@mutant("a Ref to nothing", by="cfn-lint")
def _(t): event(t, "ScoreFunction", "Minute")["GroupName"] = {"Ref": "Tick"}


@mutant("a GetAtt to an attribute that does not exist", by="validate")
def _(t): the(t, "CaptureFunction")["Role"] = {"Fn::GetAtt": ["CaptureRole", "Anr"]}


@mutant("a Sub of a resource that does not exist")
def _(t): statement(t, "LinksRole", "Magnets")["Resource"] = {"Fn::Sub": "${MagnetBucket.Arn}/magnets/*"}


@mutant("a condition that is not defined", by="cfn-lint")
def _(t): t["Resources"]["AlarmSubscription"]["Condition"] = "HasAlarmMail"


@mutant("a parameter's default against its own pattern")
def _(t): t["Parameters"]["TokenKeysParam"]["Default"] = "lodestone token keys"


@mutant("a misspelt property", by="cfn-lint")
def _(t): the(t, "OpsTable")["TimeToLiveSpecifikation"] = the(t, "OpsTable").pop("TimeToLiveSpecification")


@mutant("a misspelt property of an event", by="expand")
def _(t): event(t, "DeliverFunction", "Work")["BatchSizes"] = event(t, "DeliverFunction", "Work").pop("BatchSize")


@mutant("a misspelt resource type")
def _(t): t["Resources"]["Ticks"]["Type"] = "AWS::Scheduler::ScheduleGroups"


@mutant("a word where a number belongs", by="validate")
def _(t): the(t, "SesEvents")["VisibilityTimeout"] = "six minutes"


@mutant("a cycle: a table waits for the function that reads its stream", by="validate")
def _(t): t["Resources"]["OutboxTable"]["DependsOn"] = "DeliverFunction"


@mutant("a condition left behind: an output of a resource that may not exist")
def _(t): del t["Outputs"]["ApiDomainTarget"]["Condition"]


@mutant("an intrinsic that the local runner does not understand")
def _(t): the(t, "OpsTable")["TableName"] = {"Fn::Select": [0, [{"Fn::Sub": "${AWS::StackName}-ops"}]]}


@mutant("settings moved to Globals")
def _(t): t["Globals"] = {"Function": {"MemorySize": 256}}


@mutant("a unique name used twice")
def _(t): the(t, "SesEventsDead")["QueueName"] = the(t, "SesEvents")["QueueName"]


# --- functions ----------------------------------------------------------------------------------------------------------


@mutant("a runtime that does not exist", by="cfn-lint")
def _(t): the(t, "LinksFunction")["Runtime"] = "provided.al2022"


@mutant("a runtime that exists and is wrong")
def _(t): the(t, "LinksFunction")["Runtime"] = "provided.al2"


@mutant("tracing, which records paths")
def _(t): the(t, "LinksFunction")["Tracing"] = "Active"


@mutant("a function that runs another's package")
def _(t): the(t, "DeliverFunction")["CodeUri"] = the(t, "NotifyFunction")["CodeUri"]


@mutant("a time-out beyond what Lambda allows")
def _(t): the(t, "KeepFunction")["Timeout"] = 3600


@mutant("an architecture that does not exist")
def _(t): the(t, "KeepFunction")["Architectures"] = ["arm"]


@mutant("a table's name missing from the variables")
def _(t): del the(t, "FeedbackFunction")["Environment"]["Variables"]["LEADS_TABLE"]


@mutant("a variable with the wrong table")
def _(t): the(t, "KeepFunction")["Environment"]["Variables"]["OPS_TABLE"] = {"Ref": "OutboxTable"}


@mutant("the site's file without its layer")
def _(t): del the(t, "NotifyFunction")["Layers"]


@mutant("two functions with one role")
def _(t): the(t, "NotifyFunction")["Role"] = the(t, "DeliverFunction")["Role"]


@mutant("a function that logs into another's group")
def _(t): the(t, "KeepFunction")["LoggingConfig"]["LogGroup"] = {"Ref": "ScoreLog"}


@mutant("logs that never end")
def _(t): del the(t, "CaptureLog")["RetentionInDays"]


# --- tables and bucket --------------------------------------------------------------------------------------------------


@mutant("a table that goes with the stack")
def _(t): del t["Resources"]["LeadsTable"]["DeletionPolicy"]


@mutant("a bucket that goes with a replacement")
def _(t): t["Resources"]["MagnetsBucket"]["UpdateReplacePolicy"] = "Delete"


@mutant("a table that cannot be recovered")
def _(t): the(t, "LeadsTable")["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] = False


@mutant("a table with provisioned capacity")
def _(t): the(t, "OpsTable").update(BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})


@mutant("a key attribute that is not defined", by="cfn-lint")
def _(t): the(t, "OutboxTable")["AttributeDefinitions"][2]["AttributeName"] = "duekey"


@mutant("an attribute defined and used by no key")
def _(t): the(t, "OpsTable")["AttributeDefinitions"].append({"AttributeName": "ttl", "AttributeType": "N"})


@mutant("a table without the stream that is read")
def _(t): del the(t, "OutboxTable")["StreamSpecification"]


@mutant("a stream of keys only")
def _(t): the(t, "TouchpointsTable")["StreamSpecification"]["StreamViewType"] = "KEYS_ONLY"


@mutant("an index renamed, its grants not")
def _(t): the(t, "OutboxTable")["GlobalSecondaryIndexes"][0]["IndexName"] = "by_due"


@mutant("a public bucket")
def _(t): the(t, "MagnetsBucket")["PublicAccessBlockConfiguration"]["BlockPublicPolicy"] = False


@mutant("a bucket without the public access block")
def _(t): del the(t, "MagnetsBucket")["PublicAccessBlockConfiguration"]


@mutant("a bucket without versions")
def _(t): the(t, "MagnetsBucket")["VersioningConfiguration"]["Status"] = "Suspended"


# --- streams, queues, ticks ---------------------------------------------------------------------------------------------


@mutant("no bisecting of a bad batch")
def _(t): del event(t, "ScoreFunction", "Facts")["BisectBatchOnFunctionError"]


@mutant("retries without end")
def _(t): event(t, "DeliverFunction", "Work")["MaximumRetryAttempts"] = -1


@mutant("retries left to the default")
def _(t): del event(t, "NotifyFunction", "Work")["MaximumRetryAttempts"]


@mutant("records retried for a day")
def _(t): event(t, "ScoreFunction", "Facts")["MaximumRecordAgeInSeconds"] = 86400


@mutant("no partial answer of a batch")
def _(t): del event(t, "FeedbackFunction", "Events")["FunctionResponseTypes"]


@mutant("a stream read from its end")
def _(t): event(t, "ScoreFunction", "Facts")["StartingPosition"] = "LATEST"


@mutant("a window that people wait for")
def _(t): event(t, "DeliverFunction", "Work")["MaximumBatchingWindowInSeconds"] = 30


@mutant("no on-failure queue")
def _(t): del event(t, "NotifyFunction", "Work")["DestinationConfig"]


@mutant("two streams with one on-failure queue")
def _(t): event(t, "NotifyFunction", "Work")["DestinationConfig"]["OnFailure"]["Destination"] = {"Fn::GetAtt": ["DeliverFailures", "Arn"]}


@mutant("a third reader of a stream")
def _(t): the(t, "KeepFunction")["Events"]["Work"] = copy.deepcopy(the(t, "DeliverFunction")["Events"]["Work"])


@mutant("a filter on eventName")
def _(t): event(t, "DeliverFunction", "Work")["FilterCriteria"]["Filters"][0]["Pattern"] = '{"eventName":["INSERT"]}'


@mutant("a filter that is not JSON")
def _(t): event(t, "DeliverFunction", "Work")["FilterCriteria"]["Filters"][0]["Pattern"] = '{"dynamodb":{"NewImage":}'


@mutant("a filter whose leaf is no list")
def _(t): event(t, "NotifyFunction", "Work")["FilterCriteria"]["Filters"][0]["Pattern"] = '{"dynamodb":{"NewImage":{"reader":{"S":"notify"}}}}'


@mutant("a queue less patient than its reader")
def _(t): the(t, "SesEvents")["VisibilityTimeout"] = 30


@mutant("a reader that takes longer than its queue waits")
def _(t): the(t, "ScoreFunction")["Timeout"] = 120


@mutant("a queue without its dead-letter queue")
def _(t): del the(t, "SesEvents")["RedrivePolicy"]


@mutant("a queue that is its own dead-letter queue")
def _(t): the(t, "ScoreFailures")["RedrivePolicy"]["deadLetterTargetArn"] = {"Fn::GetAtt": ["ScoreFailures", "Arn"]}


@mutant("an on-failure queue that forgets after four days")
def _(t): del the(t, "NotifyFailures")["MessageRetentionPeriod"]


@mutant("a queue in clear text")
def _(t): the(t, "SesEvents")["SqsManagedSseEnabled"] = False


@mutant("a queue that fills without an alarm")
def _(t): del t["Resources"]["SesEventsDeadAlarm"]


@mutant("an alarm that tells nobody")
def _(t): del the(t, "FunctionErrorsAlarm")["AlarmActions"]


@mutant("a pause that nobody hears of")
def _(t): del t["Resources"]["LeadMailsPausedAlarm"]


@mutant("an alarm that watches another pause than the one counted")
def _(t): the(t, "LeadMailsPausedAlarm")["MetricName"] = "LeadMailPaused"


@mutant("a sender that does not know the account's rate")
def _(t): del the(t, "DeliverFunction")["Environment"]["Variables"]["MAX_SEND_RATE"]


@mutant("a tick that says it is another")
def _(t): event(t, "KeepFunction", "Day")["Input"] = '{"tick":"minute"}'


@mutant("a rate that is none")
def _(t): event(t, "NotifyFunction", "Minute")["ScheduleExpression"] = "rate(1 minutes)"


@mutant("a tick through another's role")
def _(t): event(t, "NotifyFunction", "Minute")["RoleArn"] = {"Fn::GetAtt": ["DeliverTickRole", "Arn"]}


@mutant("a tick's role that any account's schedule may use")
def _(t): del the(t, "KeepTickRole")["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]


@mutant("a tick outside the group that its alarm watches")
def _(t): del event(t, "ScoreFunction", "Minute")["GroupName"]


# --- grants -------------------------------------------------------------------------------------------------------------


@mutant("a wildcard action", by="guard")
def _(t): statement(t, "CaptureRole", "Ops")["Action"] = ["dynamodb:*"]


@mutant("a wildcard inside an action")
def _(t): statement(t, "KeepRole", "Outbox")["Action"] = "dynamodb:Delete*"


@mutant("a wildcard resource", by="parliament")
def _(t): statement(t, "DeliverRole", "Mail")["Resource"] = "*"


@mutant("a wildcard resource built by Sub")
def _(t): statement(t, "LinksRole", "Magnets")["Resource"] = {"Fn::Sub": "${MagnetsBucket.Arn}/*"}


@mutant("all parameters of the account")
def _(t): statement(t, "ScoreRole", "Secrets")["Resource"] = [{"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/*"}]


@mutant("secrets of the site for a function that names none")
def _(t): statement(t, "ScoreRole", "Secrets")["Resource"].append({"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${SiteParamsPrefix}/*"})


@mutant("an action that does not exist", by="cfn-lint")
def _(t): statement(t, "LinksRole", "Leads")["Action"].append("dynamodb:UpsertItem")


@mutant("an action on a resource that it does not take", by="parliament")
def _(t): statement(t, "LinksRole", "Magnets")["Resource"] = {"Fn::GetAtt": ["MagnetsBucket", "Arn"]}


@mutant("a managed policy")
def _(t): the(t, "CaptureRole")["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]


@mutant("a function other than keep that deletes")
def _(t): statement(t, "FeedbackRole", "Outbox")["Action"].append("dynamodb:DeleteItem")


@mutant("a function that scans")
def _(t): statement(t, "KeepRole", "Leads")["Action"].append("dynamodb:Scan")


@mutant("a sender without a fixed address")
def _(t): del statement(t, "NotifyRole", "Mail")["Condition"]


@mutant("a sender with the other's address")
def _(t): statement(t, "NotifyRole", "Mail")["Condition"]["StringEquals"]["ses:FromAddress"] = {"Ref": "MailFrom"}


@mutant("a grant without a variable: capture reads leads")
def _(t): the(t, "CaptureRole")["Policies"][0]["PolicyDocument"]["Statement"].append(copy.deepcopy(statement(t, "NotifyRole", "Leads")))


@mutant("a secret that a function does not name")
def _(t): statement(t, "ScoreRole", "Secrets")["Resource"] = statement(t, "CaptureRole", "Secrets")["Resource"]


@mutant("a reader that may not read its stream")
def _(t): drop_statement(t, "ScoreRole", "Stream")


@mutant("a reader that may not empty its queue")
def _(t): statement(t, "FeedbackRole", "Queue")["Action"].remove("sqs:DeleteMessage")


@mutant("a mapping that cannot report what it lost")
def _(t): drop_statement(t, "DeliverRole", "OnFailure")


@mutant("a queue open to every topic")
def _(t): del the(t, "SesEventsPolicy")["PolicyDocument"]["Statement"][0]["Condition"]


@mutant("a topic open to the world")
def _(t): the(t, "SesEventsTopicPolicy")["PolicyDocument"]["Statement"][0]["Principal"] = "*"


# --- mail and http ------------------------------------------------------------------------------------------------------


@mutant("OPEN events, which rewrite links")
def _(t): the(t, "MailEvents")["EventDestination"]["MatchingEventTypes"].append("OPEN")


@mutant("no COMPLAINT events")
def _(t): the(t, "MailEvents")["EventDestination"]["MatchingEventTypes"].remove("COMPLAINT")


@mutant("mail in clear text")
def _(t): the(t, "MailConfiguration")["DeliveryOptions"]["TlsPolicy"] = "OPTIONAL"


@mutant("mail events that nobody subscribed to")
def _(t): del t["Resources"]["SesEventsSubscription"]


@mutant("a subscription that the queue does not let in")
def _(t): the(t, "SesEventsPolicy")["PolicyDocument"]["Statement"][0]["Resource"] = [{"Fn::GetAtt": ["SesEventsDead", "Arn"]}]


@mutant("access logs with paths")
def _(t): the(t, "HttpApi")["AccessLogSettings"]["Format"] += " $context.path"


@mutant("access logs with addresses")
def _(t): the(t, "HttpApi")["AccessLogSettings"]["Format"] += " $context.identity.sourceIp"


@mutant("routes without a limit")
def _(t): del the(t, "HttpApi")["DefaultRouteSettings"]


@mutant("a route of an API that does not exist")
def _(t): event(t, "LinksFunction", "Handoff")["ApiId"] = {"Ref": "Api"}


@mutant("two functions for one route", by="expand")
def _(t): event(t, "LinksFunction", "Handoff")["Path"] = "/f/{form}"


@cache
def template() -> Template:
    return read(str(TEMPLATE))


def caught(always_lint: bool, description: str) -> list[tuple[str, str]]:
    """The (step, code) pairs that a mistake sets off. Under `prod`, which sets every option."""
    change, by = MUTANTS[description]
    mistaken = copy.deepcopy(template())
    change(mistaken)
    assert mistaken != template(), f"{description}: changes nothing"
    stack, text, found = expanded(mistaken, PARAMETERS["prod"])
    if stack is not None:
        for step in STEPS:
            if step != "cfn-lint":
                found += look(step, stack, text)
        if always_lint or not found or by == "cfn-lint":
            found += look("cfn-lint", stack, text)
    return list(dict.fromkeys((finding.step, finding.code) for finding in found))


def main() -> int:
    parser = argparse.ArgumentParser(description="Prove that the chain notices mistakes.")
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--all", action="store_true", help="ask every step about every mistake")
    arguments = parser.parse_args()
    chosen = [description for description in MUTANTS if arguments.word in description]
    started = time.monotonic()
    noticed: dict[str, int] = dict.fromkeys(["expand", *STEPS], 0)
    alone = dict(noticed)
    fired: set[str] = set()
    missed = 0
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for description, found in zip(chosen, pool.map(partial(caught, arguments.all), chosen)):
            steps = list(dict.fromkeys(step for step, _ in found))
            fired |= {code for _, code in found}
            for step in steps:
                noticed[step] += 1
                alone[step] += len(steps) == 1
            wanted = MUTANTS[description][1]
            well = bool(steps) and wanted in (None, *steps)
            missed += not well
            by = ", ".join(f"{step} ({' '.join(code for s, code in found if s == step)})" for step in steps) or "nothing"
            print(f"  {'caught' if well else 'MISSED'} {description}: by {by}{'' if well or not wanted else f', not by {wanted}'}", flush=True)

    # Every rule that is ours must have been the reason at least once.
    ours = set(re.findall(r"^rule (\w+)", GUARD.read_text(encoding="utf-8"), re.M)) | {check.__name__ for check in RELATIONS}
    idle = [] if arguments.word else sorted(ours - fired)
    for rule in idle:
        print(f"  IDLE   {rule}: no mistake sets it off")
    print("  noticed by: " + ", ".join(f"{step} {count} ({alone[step]} alone)" for step, count in noticed.items()))
    print(f"mutants: {len(chosen) - missed} of {len(chosen)} caught, {len(ours)} rules of ours, {len(idle)} idle, {time.monotonic() - started:.1f} s")
    return 1 if missed or idle or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())

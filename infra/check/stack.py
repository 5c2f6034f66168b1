"""A template expanded and resolved: the picture of the stack that the checks look at.

Knows SAM's translator and CloudFormation's intrinsics. Must not know what a good template is: that is relations.py, the
Guard rules and the tools.
"""

from __future__ import annotations

import copy
import logging
import os
import re
from typing import Any, Iterator

# boto3, inside the translator, refuses to start without one.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

# It complains that nobody collects its usage metrics.
logging.getLogger("samtranslator.metrics.metrics").setLevel(logging.ERROR)

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/lodestone/1",
    "AWS::StackName": "lodestone",
    "AWS::URLSuffix": "amazonaws.com",
}

# The property that names a resource, and the shape of its ARN. Only what a policy may point at.
NAMES = {
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{region}:{account}:table/{name}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:{region}:{account}:function:{name}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{region}:{account}:log-group:{name}:*"),
    "AWS::S3::Bucket": ("BucketName", "s3:::{name}"),
    "AWS::SES::ConfigurationSet": ("Name", "ses:{region}:{account}:configuration-set/{name}"),
    "AWS::SNS::Topic": ("TopicName", "sns:{region}:{account}:{name}"),
    "AWS::SQS::Queue": ("QueueName", "sqs:{region}:{account}:{name}"),
    "AWS::Scheduler::ScheduleGroup": ("Name", "scheduler:{region}:{account}:schedule-group/{name}"),
}

NO_VALUE = object()


class ExpandError(Exception):
    """SAM would refuse the template. The message is SAM's."""


def read(path: str) -> dict[str, Any]:
    """The template as written, its short-form tags in their long form."""
    with open(path, encoding="utf-8") as file:
        return yaml_parse(file.read())


class Stack:
    """One template under one set of parameters."""

    def __init__(self, source: dict[str, Any], parameters: dict[str, str | int]):
        self.source = source
        self.expanded = expand(source, parameters)
        self.resources: dict[str, Any] = self.expanded["Resources"]
        self.parameters = {
            name: str(parameter["Default"])
            for name, parameter in self.expanded.get("Parameters", {}).items()
            if "Default" in parameter
        }

    def of(self, *types: str) -> dict[str, dict[str, Any]]:
        """Logical id -> properties, of the resources of these types."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] in types
        }

    def target(self, value: Any) -> str | None:
        """Logical id that a Ref or GetAtt points at."""
        if isinstance(value, dict) and len(value) == 1:
            (key, argument), = value.items()
            if key == "Ref":
                return argument
            if key == "Fn::GetAtt":
                return (argument if isinstance(argument, str) else argument[0]).split(".")[0]
        return None

    def resolve(self, value: Any) -> Any:
        """The value that CloudFormation would see, with made-up but well-formed names and ARNs."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key, argument), = value.items()
            if key == "Ref":
                return self._ref(argument)
            if key == "Fn::GetAtt":
                parts = argument.split(".", 1) if isinstance(argument, str) else argument
                return self._attribute(parts[0], parts[1])
            if key == "Fn::Sub":
                return self._sub(argument)
            if key == "Fn::Join":
                return argument[0].join(map(str, self.resolve(argument[1])))
            if key == "Fn::If":
                return self.resolve(argument[1 if self.holds({"Condition": argument[0]}) else 2])
            if key == "Fn::FindInMap":
                first, second, third = map(self.resolve, argument)
                return self.expanded["Mappings"][first][second][third]
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def holds(self, condition: Any) -> bool:
        (key, argument), = condition.items()
        if key == "Condition":
            return self.holds(self.expanded["Conditions"][argument])
        if key == "Fn::Equals":
            first, second = map(self.resolve, argument)
            return str(first) == str(second)
        if key == "Fn::Not":
            return not self.holds(argument[0])
        if key == "Fn::And":
            return all(map(self.holds, argument))
        if key == "Fn::Or":
            return any(map(self.holds, argument))
        raise KeyError(key)

    def policies(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each role's policy documents, resolved."""
        for name, role in self.of("AWS::IAM::Role").items():
            for policy in role.get("Policies", []):
                yield name, self.resolve(policy["PolicyDocument"])

    def statements(self, role: str | None) -> list[dict[str, Any]]:
        """A role's statements, resolved, with Action and Resource always lists."""
        found = []
        for name, document in self.policies():
            if name == role:
                found += [
                    {**statement, "Action": listed(statement.get("Action")), "Resource": listed(statement.get("Resource"))}
                    for statement in document["Statement"]
                ]
        return found

    def granted(self, role: str | None, resource: str) -> set[str]:
        """Actions that a role may call on exactly this resource."""
        return {
            action
            for statement in self.statements(role)
            if resource in statement["Resource"]
            for action in statement["Action"]
        }

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        kind = self.resources.get(name, {}).get("Type")
        # Ref of a topic is its ARN; of the others it is their name.
        return self._attribute(name, "Arn") if kind == "AWS::SNS::Topic" else self._name(name)

    def _name(self, name: str) -> str:
        resource = self.resources.get(name, {})
        prop, _ = NAMES.get(resource.get("Type"), (None, None))
        given = resource.get("Properties", {}).get(prop) if prop else None
        return self.resolve(given) if given is not None else f"lodestone-{name}"

    def _attribute(self, name: str, attribute: str) -> str:
        kind = self.resources.get(name, {}).get("Type")
        if kind in NAMES and attribute in ("Arn", "TopicArn", "StreamArn"):
            shape = NAMES[kind][1].format(
                region=PSEUDO["AWS::Region"], account=PSEUDO["AWS::AccountId"], name=self._name(name)
            )
            # A real label has colons in it, at which parliament takes an ARN apart.
            stream = "/stream/2026-01-01" if attribute == "StreamArn" else ""
            return f"arn:aws:{shape}{stream}"
        return f"{self._name(name)}-{attribute}"

    def _sub(self, argument: Any) -> str:
        text, values = (argument, {}) if isinstance(argument, str) else argument

        def one(match: re.Match[str]) -> str:
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in values:
                return str(self.resolve(values[name]))
            return str(self._attribute(*name.split(".", 1)) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", one, text)


def listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def expand(source: dict[str, Any], parameters: dict[str, str | int]) -> dict[str, Any]:
    """What SAM makes of the template, as CloudFormation would get it, with the parameters as its defaults."""
    template = copy.deepcopy(source)
    declared = template.setdefault("Parameters", {})
    for name, value in parameters.items():
        declared[name]["Default"] = value
    values = {name: declared[name]["Default"] for name in declared if "Default" in declared[name]}
    for resource in template["Resources"].values():
        properties = resource.get("Properties") or {}
        for key in ("CodeUri", "ContentUri"):
            # What packaging does: SAM takes only an address in S3.
            if isinstance(properties.get(key), str):
                properties[key] = "s3://artifacts/" + properties[key].lstrip("./")
    try:
        return Translator({}, Parser()).translate(template, values)
    except InvalidDocumentException as error:
        raise ExpandError("; ".join(cause.message for cause in error.causes) or str(error)) from error

#!/usr/bin/env python3
"""Proves infra/template.yaml without an account: expand it as SAM would, then let every tool and every rule look at the result.

    python infra/check/chain.py [TEMPLATE]

Steps, in order: expand (SAM's own translator), cfn-lint (all warnings are errors), validate (AWS's validator), guard (our
rules, infra/guard), parliament (each role), relations (ours, across resources). Each runs for each set of parameters below,
because a condition hides what only the other stage has. Exit 0 when nothing was found; findings go to standard output.

The expanded templates are left in target/template/ for a look at what SAM makes of the source.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Callable, Iterator

import cfnlint.api
import cfnlint.core
import cloudformation_validate as cv

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pkg_resources announces its end at each import; requirements.txt pins it
    import parliament

from relations import RELATIONS
from stack import ExpandError, Stack, read

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "infra/template.yaml"
GUARD = ROOT / "infra/guard/lodestone.guard"
OUT = ROOT / "target/template"

# `local` is what the local runner passes; `dev` leaves out all that is optional; `prod` turns all of it on.
PARAMETERS: dict[str, dict[str, str | int]] = {
    "local": {"Stage": "local", "PublicUrl": "http://127.0.0.1:8787", "MaxSendRate": 0, "DailySendQuota": 0, "DomainMailsPerHour": 0},
    "dev": {
        "Stage": "dev",
        "PublicUrl": "https://abcdefghij.execute-api.eu-central-1.amazonaws.com",
        "MailDomain": "example.org",
        "MailFrom": "hello@example.org",
        "AlertFrom": "alerts@example.org",
        "Architecture": "arm64",
    },
    "prod": {
        "Stage": "prod",
        "PublicUrl": "https://go.example.org",
        "DomainName": "go.example.org",
        "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
        "MailDomain": "example.org",
        "MailIdentity": "existing",
        "MailFrom": "hello@example.org",
        "AlertFrom": "alerts@example.org",
        "Architecture": "x86_64",
        "CaptureConcurrency": 20,
        "LinksConcurrency": 10,
        "WorkerConcurrency": 10,
        "LogRetentionDays": 90,
        "AlarmEmail": "ops@example.org",
    },
}
REGIONS = ["eu-central-1", "us-east-1"]


@dataclass(frozen=True)
class Finding:
    step: str
    code: str
    where: str
    message: str

    def __str__(self) -> str:
        message = self.message if len(self.message) <= 200 else self.message[:197] + "..."
        return f"{self.step} {self.code} at {self.where}: {message}"


@cache
def lint_rules() -> Any:
    return cfnlint.core.get_rules([], [], ["E", "W"])


@cache
def validator() -> Any:
    return cv.CompositeEngine(cv.CompositeEngineConfig(guard_rules=[cv.file_to_external_rule_source(str(GUARD))]))


def cfn_lint(_: Stack, text: str) -> Iterator[Finding]:
    """W3037 (an action that IAM does not know) and W1030 (a resolved value against its schema) matter most; no warning is let by."""
    for match in cfnlint.api.lint(text, lint_rules(), REGIONS):
        where = "/".join(map(str, getattr(match, "path", None) or [match.linenumber]))
        yield Finding("cfn-lint", match.rule.id, where, match.message)


@lru_cache(maxsize=1)  # for `validate` and `guard` in turn
def validated(text: str) -> list[Any]:
    report = validator().validate_template(
        cv.TemplateContent(text, "expanded.json"), cv.ValidateConfig(severity_level=cv.Severity.WARN)
    )
    if report.status is cv.ReportStatus.ANALYSIS_INCOMPLETE:
        raise RuntimeError("cloudformation-validate could not look at all of it")
    return report.diagnostics


def placed(step: str, diagnostic: Any) -> Finding:
    where = ".".join(filter(None, [diagnostic.entity and diagnostic.entity.logical_id, diagnostic.property_path]))
    return Finding(step, diagnostic.rule_id, where, " ".join(diagnostic.message.split()))


def validate(_: Stack, text: str) -> Iterator[Finding]:
    for diagnostic in validated(text):
        if diagnostic.source is not cv.RuleOrigin.GUARD:
            yield placed("validate", diagnostic)


def guard(_: Stack, text: str) -> Iterator[Finding]:
    for diagnostic in validated(text):
        if diagnostic.source is cv.RuleOrigin.GUARD:
            yield placed("guard", diagnostic)


def permissions(stack: Stack, _: str) -> Iterator[Finding]:
    for role, document in stack.policies():
        policy = parliament.analyze_policy_string(json.dumps(document))
        for finding in policy.findings:
            # By its definition ListStreams takes no resource; the template says why it is named all the same.
            if finding.issue == "RESOURCE_MISMATCH" and {d["action"] for d in finding.detail} == {"dynamodb:ListStreams"}:
                continue
            yield Finding("parliament", finding.issue, role, f"{parliament.enhance_finding(finding).title}: {finding.detail}")


def relations(stack: Stack, _: str) -> Iterator[Finding]:
    for check in RELATIONS:
        for where, message in check(stack):
            yield Finding("relations", check.__name__, where, message)


STEPS: dict[str, Callable[[Stack, str], Iterator[Finding]]] = {
    "cfn-lint": cfn_lint,
    "validate": validate,
    "guard": guard,
    "parliament": permissions,
    "relations": relations,
}


def expanded(source: dict[str, Any], parameters: dict[str, str | int]) -> tuple[Stack | None, str, list[Finding]]:
    try:
        stack = Stack(source, parameters)
    except ExpandError as error:
        return None, "", [Finding("expand", "SAM", "template", str(error))]
    return stack, json.dumps(stack.expanded, indent=2), []


def look(step: str, stack: Stack, text: str) -> list[Finding]:
    """What one step has to say. A check that stumbles over a malformed template has found something too."""
    try:
        return list(dict.fromkeys(STEPS[step](stack, text)))
    except Exception as error:  # whatever it is, the template is not proven
        return [Finding(step, type(error).__name__, "template", str(error))]


def main() -> int:
    arguments = argparse.ArgumentParser(description="Prove the template offline.")
    arguments.add_argument("template", nargs="?", default=str(TEMPLATE))
    source = read(arguments.parse_args().template)
    OUT.mkdir(parents=True, exist_ok=True)
    started, failed = time.monotonic(), 0
    for name, parameters in PARAMETERS.items():
        stack, text, found = expanded(source, parameters)
        print(f"{name}:", end="")
        if stack is None:
            print(f"\n  FAIL {found[0]}")
            failed += 1
            continue
        (OUT / f"expanded-{name}.json").write_text(text + "\n", encoding="utf-8")
        print(f" {len(source['Resources'])} resources written, {len(stack.resources)} expanded")
        for step in STEPS:
            before = time.monotonic()
            found = look(step, stack, text)
            print(f"  {step:<10} {'FAIL' if found else 'ok':<4} {time.monotonic() - before:5.2f} s")
            for finding in found:
                print(f"    {finding}")
            failed += len(found)
    print(f"chain: {failed} findings in {time.monotonic() - started:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

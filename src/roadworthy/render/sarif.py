"""SARIF 2.1.0 (OASIS standard); paragraphs in comments are the standard's."""

import json
from typing import Any
from urllib.parse import quote

from roadworthy.core.finding import Finding, Verdict
from roadworthy.core.report import Report
from roadworthy.render import numbers
from roadworthy.render.characters import presentable

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
# 3.27.9: `open` is what had too little information for a decision, which is what not assessed
# means here; `notApplicable` would read as if there were nothing to find
_KINDS = {Verdict.PASS: "pass", Verdict.NOT_ASSESSED: "open"}
# 3.27.10: a kind other than `fail` has the level `none`
_LEVELS = {Verdict.ERROR: "error", Verdict.FAIL: "error", Verdict.WARN: "warning"}


def log(report: Report) -> str:
    """Write a report as a SARIF log, for code scanning and other viewers of results."""
    report = presentable(report)
    codes = tuple(dict.fromkeys(finding.code for finding in report.findings))
    run = {
        "tool": {"driver": _driver(report, codes)},
        "automationDetails": {
            "id": f"roadworthy/{report.inspected.model}/{report.inspected.dataset}"
        },
        "invocations": [_invocation(report)],
        "results": [_result(f, codes.index(f.code), report) for f in report.findings],
        "properties": {
            "modelHash": report.inspected.model_hash,
            "datasetHash": report.inspected.dataset_hash,
            "policyHash": report.judged.policy_hash,
            "codeHash": report.judged.code_hash,
            "seed": report.judged.seed,
            "budget": report.judged.budget,
            "gate": report.judged.gate,
        },
    }
    whole = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _driver(report: Report, codes: tuple[str, ...]) -> dict[str, Any]:
    first = {finding.code: finding for finding in reversed(report.findings)}
    rules = [
        {
            "id": code,
            "name": first[code].check,
            "shortDescription": _message(first[code].check.replace("-", " ")),
            "properties": {"tags": [first[code].area]},
        }
        for code in codes
    ]
    return {"name": "Roadworthy", "version": report.judged.version, "rules": rules}


def _invocation(report: Report) -> dict[str, Any]:
    broken = [finding for finding in report.findings if finding.verdict == Verdict.ERROR]
    invocation: dict[str, Any] = {
        "executionSuccessful": not broken,
        "startTimeUtc": report.times.started.replace("+00:00", "Z"),
        "toolExecutionNotifications": [
            {
                "level": "error",
                "message": _message(f"{finding.key}: {finding.reason}"),
                "associatedRule": {"id": finding.code},
            }
            for finding in broken
        ],
    }
    if report.judged.command:
        invocation["commandLine"] = report.judged.command
    return invocation


def _result(finding: Finding, rule: int, report: Report) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "kind": _KINDS.get(finding.verdict, "fail"),
        "level": _LEVELS.get(finding.verdict, "none"),
        "message": _message(" ".join(_sentences(finding))),
        "locations": [_location(report)],
        "partialFingerprints": {"roadworthyFinding/v1": finding.key},
        "properties": _properties(finding),
    }
    if finding.muted:
        result["suppressions"] = [
            {
                "kind": "external",
                "status": "accepted",
                "justification": f"{finding.muted.reason} (until {finding.muted.until})",
            }
        ]
    return result


def _sentences(finding: Finding) -> list[str]:
    alarms = [f"The test itself may not be trustworthy: {alarm.text}" for alarm in finding.alarms]
    remedies = [f"{remedy.text} {remedy.command}".rstrip() for remedy in finding.remedies[:1]]
    said = (f"{finding.title}: {finding.claim}", finding.reason, *alarms, *remedies)
    return [text for text in said if text]


def _location(report: Report) -> dict[str, Any]:
    """Name the model, which has no line to point at."""
    model = report.inspected.model
    return {
        "physicalLocation": {"artifactLocation": {"uri": quote(model, safe="") or "model"}},
        "logicalLocations": [
            {"name": model, "fullyQualifiedName": f"{model} × {report.inspected.dataset}"}
        ],
    }


def _properties(finding: Finding) -> dict[str, Any]:
    properties: dict[str, Any] = {"verdict": str(finding.verdict), "scope": finding.scope}
    if finding.estimate:
        estimate = finding.estimate
        properties["estimate"] = numbers.interval(estimate)
        properties["value"] = [estimate.low, estimate.value, estimate.high]
        properties["n"] = estimate.n
    if finding.threshold:
        properties["limit"] = finding.threshold.limit
        properties["good"] = finding.threshold.good
    return properties


def _message(text: str) -> dict[str, str]:
    # 3.11.5: braces are placeholders unless doubled; 3.11.6: `[text](target)` is a link
    text = text.replace("{", "{{").replace("}", "}}").replace("](", "] (")
    return {"text": text or "nothing was said"}

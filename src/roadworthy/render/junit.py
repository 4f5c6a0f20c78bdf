from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from roadworthy.core.finding import Finding, Verdict
from roadworthy.core.report import Report
from roadworthy.render import numbers, outcome
from roadworthy.render.characters import presentable


def suites(report: Report) -> str:
    """Write a report as JUnit XML: a suite per area, a case per finding.

    A warning is a failure only where the gate closes at one; what was not assessed and what is
    muted is skipped.
    """
    report = presentable(report)
    name = f"{report.inspected.model} × {report.inspected.dataset}"
    root = Element("testsuites", {"name": f"Roadworthy inspection: {name}"})
    for area, findings in outcome.areas(report).items():
        suite = SubElement(root, "testsuite", {"name": area})
        _add_properties(suite, report)
        for finding in findings:
            _add_case(suite, finding, report.judged.gate == "warn")
        _count(suite, [suite])
    _count(root, root.findall("testsuite"))
    root.set("time", f"{report.times.seconds:.3f}")
    ElementTree.indent(root)
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return declaration + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_properties(suite: Element, report: Report) -> None:
    facts = {
        "roadworthy": report.judged.version,
        "model_hash": report.inspected.model_hash,
        "dataset_hash": report.inspected.dataset_hash,
        "policy_hash": report.judged.policy_hash,
        "code_hash": report.judged.code_hash,
        "seed": str(report.judged.seed),
    }
    properties = SubElement(suite, "properties")
    for name, value in facts.items():
        SubElement(properties, "property", {"name": name, "value": value})


def _add_case(suite: Element, finding: Finding, is_warning_failure: bool) -> None:
    name = f"{finding.title} [{finding.key}]"
    case = SubElement(suite, "testcase", {"classname": f"roadworthy.{finding.area}", "name": name})
    fails = finding.verdict == Verdict.FAIL or (
        finding.verdict == Verdict.WARN and is_warning_failure
    )
    if finding.muted:
        SubElement(case, "skipped", {"message": outcome.muted(finding)})
    elif finding.verdict == Verdict.NOT_ASSESSED:
        SubElement(case, "skipped", {"message": finding.reason})
    elif finding.verdict == Verdict.ERROR:
        broken = {"type": finding.code, "message": finding.reason}
        SubElement(case, "error", broken).text = _details(finding)
    elif fails:
        failure = {"type": finding.code, "message": finding.claim}
        SubElement(case, "failure", failure).text = _details(finding)
    else:
        SubElement(case, "system-out").text = _details(finding)


def _details(finding: Finding) -> str:
    lines = [f"{outcome.WORDS[finding.verdict]}: {finding.claim}"]
    if finding.estimate:
        estimate = finding.estimate
        lines.append(f"{estimate.name}: {numbers.interval(estimate)}, n = {estimate.n}")
    if finding.estimate and finding.threshold:
        limit = outcome.limit(finding.threshold, finding.estimate.unit)
        lines.append(f"limit: {limit} ({finding.threshold.source})")
    lines += [f"the test itself may not be trustworthy: {alarm.text}" for alarm in finding.alarms]
    lines += [f"to do: {remedy.text} {remedy.command}".rstrip() for remedy in finding.remedies]
    return "\n".join(lines)


def _count(element: Element, suites: list[Element]) -> None:
    kinds = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for name, tag in kinds.items():
        element.set(name, str(sum(len(list(suite.iter(tag))) for suite in suites)))

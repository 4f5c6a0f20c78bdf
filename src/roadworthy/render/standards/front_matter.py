import json
import re

from roadworthy.core.estimates import Measure
from roadworthy.core.finding import Finding
from roadworthy.core.report import Report
from roadworthy.render import numbers
from roadworthy.render.characters import one_line
from roadworthy.render.standards.answers import JUDGMENTS
from roadworthy.render.standards.standard import Standard


def front_matter(standard: Standard, report: Report) -> str:
    """Write the metadata of a model card for the Hugging Face Hub, as YAML between dashes.

    License and languages are there when somebody declared them, results when they were measured.
    Every text is a JSON string, which YAML reads as it is written.
    """
    declared = {answer.item: answer.text for answer in report.declared}
    lines = ["---"]
    if license_name := declared.get(f"{standard.id}:license"):
        lines.append(f"license: {_text(license_name)}")
    if languages := declared.get(f"{standard.id}:language"):
        lines += ["language:", *(f"- {_text(name)}" for name in languages.split(","))]
    lines += ["tags:", "- roadworthy", *_results(standard, report), "---", ""]
    return "\n".join(lines)


def _results(standard: Standard, report: Report) -> list[str]:
    item = next(item for item in standard.items if item.id == "results")
    judged = [
        finding
        for finding in report.findings
        if finding.verdict in JUDGMENTS and item.is_about(finding.code, finding.area)
    ]
    metrics = [line for finding in judged for line in _metrics(finding)]
    if not metrics:
        return []
    name = _text(report.inspected.dataset)
    return [
        "model-index:",
        f"- name: {_text(report.inspected.model)}",
        "  results:",
        "  - task:",
        f"      type: {_task(report)}",
        "    dataset:",
        f"      type: {name}",
        f"      name: {name}",
        "      split: test",
        "    metrics:",
        *metrics,
    ]


def _metrics(finding: Finding) -> list[str]:
    # beside what was judged, only what was estimated: counts are not results of an evaluation
    estimated = [measure for measure in finding.measures if measure.low < measure.high]
    lines = []
    for measure in dict.fromkeys(filter(None, (finding.estimate, *estimated))):
        kind = re.sub(r"\W+", "-", measure.name.casefold()).strip("-") or "measure"
        lines += [
            f"    - type: {_text(kind)}",
            f"      value: {_number(measure.value)}",
            f"      name: {_text(_named(measure, finding))}",
        ]
    return lines


def _named(measure: Measure, finding: Finding) -> str:
    interval = f", 95 % interval {bounds}" if (bounds := numbers.bounds(measure)) else ""
    return f"{measure.name}{interval}, n = {measure.n} ({finding.key})"


def _task(report: Report) -> str:
    kinds = {0: "text", 3: "image"}  # by how many sides an input has
    kind = kinds.get(len(report.inspected.input_shape), "tabular")
    return f"{kind}-{'regression' if report.inspected.task == 'regression' else 'classification'}"


def _number(value: float) -> str:
    text = repr(value)
    # YAML 1.1 takes 1e-05 for a text: its numbers with an exponent have a point
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _text(text: str) -> str:
    return json.dumps(one_line(text), ensure_ascii=False)

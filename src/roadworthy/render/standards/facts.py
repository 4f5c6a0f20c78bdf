"""What a report states in any case, as sentences that fill in documents and checklists."""

from collections.abc import Callable

from roadworthy.core.finding import Verdict
from roadworthy.core.report import Report
from roadworthy.render import outcome
from roadworthy.render.numbers import number


def _model(report: Report) -> str:
    return f"Model: {report.inspected.model}, fingerprint {report.inspected.model_hash}."


def _interface(report: Report) -> str:
    shape = " × ".join(map(str, report.inspected.input_shape))
    inputs = f"inputs of shape {shape}" if shape else "texts"
    offers = ", ".join(report.inspected.offers) or "nothing but outputs"
    return f"The model takes {inputs} and offers {offers}."


def _task(report: Report) -> str:
    names = report.inspected.classes
    return f"Task: {report.inspected.task}" + (f", {len(names)} classes." if names else ".")


def _classes(report: Report) -> str:
    names = report.inspected.classes
    return f"Classes, in order: {', '.join(names)}." if names else ""


def _dataset(report: Report) -> str:
    return f"Dataset: {report.inspected.dataset}, fingerprint {report.inspected.dataset_hash}."


def _rows(report: Report) -> str:
    splits = report.inspected.splits
    return "Rows: " + ", ".join(f"{name} {number(n)}" for name, n in splits.items()) + "."


def _splits(report: Report) -> str:
    return f"How the splits came about: {report.inspected.origin.rstrip('.')}."


def _notes(report: Report) -> str:
    notes = report.inspected.notes
    said = "; ".join(note.rstrip(".") for note in notes)
    return f"Changed or guessed on loading: {said}." if notes else ""


def _tool(report: Report) -> str:
    judged = report.judged
    return (
        f"Measured on {report.times.started[:10]} with Roadworthy {judged.version} (code "
        f"{judged.code_hash[:12]}), seed {judged.seed}, budget {judged.budget}; intervals are at "
        "95 %."
    )


def _policy(report: Report) -> str:
    judged = report.judged
    return f"Judged by: {judged.policy}, fingerprint {judged.policy_hash}, gate {judged.gate}."


def _environment(report: Report) -> str:
    parts = [f"{name} {value}" for name, value in report.times.machine.items()]
    return f"Measured on: {', '.join(parts)}." if parts else ""


def _repeat(report: Report) -> str:
    return f"To repeat it: {report.judged.command}" if report.judged.command else ""


def _failed(report: Report) -> str:
    titles = [finding.title for finding in report.findings if finding.verdict is Verdict.FAIL]
    return f"Failed in this inspection: {'; '.join(titles)}." if titles else ""


def _unassessed(report: Report) -> str:
    titles = [finding.title for finding in outcome.unassessed(report)]
    return f"Not assessed by this inspection: {'; '.join(titles)}." if titles else ""


FACTS: dict[str, Callable[[Report], str]] = {
    "model": _model,
    "interface": _interface,
    "task": _task,
    "classes": _classes,
    "dataset": _dataset,
    "rows": _rows,
    "splits": _splits,
    "notes": _notes,
    "tool": _tool,
    "policy": _policy,
    "environment": _environment,
    "repeat": _repeat,
    "failed": _failed,
    "unassessed": _unassessed,
}

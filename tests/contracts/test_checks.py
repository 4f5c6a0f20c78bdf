"""Every registered check against the promises of its kind."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

import roadworthy
from roadworthy.checks import CHECKS
from roadworthy.core.artifact import Bench, Store
from roadworthy.core.check import limits, needs_of, run_check
from roadworthy.core.effort import Effort
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import SEVERITY, Verdict
from roadworthy.sources import load_dataset, load_model
from roadworthy.workflows.inspection import choose_device, make_subject
from tests.datasets import messages

HEADINGS = (
    "What it does:",
    "Why it matters:",
    "When it does not apply:",
    "How to fix:",
    "References:",
)
ROOMS = Path(roadworthy.__file__).parent / "checks"
SMALL = Effort("test", attacked=20, shadows=2, judged=200)
RECIPES = {
    "digits": "digits-cnn",
    "breast-cancer": "logistic-regression",
    "diabetes": "ridge",
    "messages": "bag-of-words",
}
CONTRACTS = [
    "test_its_code_is_stable_and_its_own",
    "test_its_page_has_every_heading",
    "test_its_limits_say_where_they_come_from",
    "test_it_lives_where_its_name_and_area_say",
    "test_it_needs_only_artifacts_and_says_the_same_twice",
    "test_it_concludes_or_says_why_not",
    "test_it_never_calls_the_model_itself",
]


@pytest.fixture(scope="module", params=["digits", "breast-cancer", "diabetes", "messages"])
def bench(request):
    dataset = messages() if request.param == "messages" else load_dataset(request.param)
    model = load_model(RECIPES[request.param], dataset)
    device = choose_device("auto")  # a GPU, where there is one
    return Bench(make_subject(model, dataset, effort=SMALL, device=device), Store(None))


def each_check(function):
    ids = [check.card.name for check in CHECKS]
    return pytest.mark.parametrize("check", list(CHECKS), ids=ids)(function)


@each_check
def test_its_code_is_stable_and_its_own(check):
    assert re.fullmatch(r"RW-[A-Z]{3,5}-\d{3}", check.code)
    assert [other.code for other in CHECKS].count(check.code) == 1


@each_check
def test_its_page_has_every_heading(check):
    page = inspect.getdoc(check)
    missing = [heading for heading in HEADINGS if heading not in page]
    assert not missing
    for part in dataclasses.fields(check):
        assert f"    {part.name}:" in page, f"Args lacks {part.name}"


@each_check
def test_its_limits_say_where_they_come_from(check):
    for part in limits(check):
        assert len(part.metadata["why"]) > 10
        assert part.metadata["good"] in ("above", "below")


@each_check
def test_it_lives_where_its_name_and_area_say(check):
    file = Path(inspect.getfile(check))
    assert file.parent == ROOMS / check.area
    assert file.stem == check.card.name.replace("-", "_")


@each_check
def test_it_needs_only_artifacts_and_says_the_same_twice(check, bench):
    try:
        needs = needs_of(check(), bench.subject)
    except NotAssessed:
        return
    assert needs == needs_of(check(), bench.subject)
    for artifact in needs:
        hash(artifact)
        assert artifact.cost(bench.subject) >= 0


@each_check
def test_it_concludes_or_says_why_not(check, bench):
    for finding in judged(check, bench):
        assert (finding.code, finding.area, finding.check) == (
            check.code,
            check.area,
            check.card.name,
        )
        assert finding.claim.endswith(".")
        assert finding.verdict in SEVERITY
        assert finding.verdict is not Verdict.ERROR, finding.reason
        if finding.verdict is Verdict.NOT_ASSESSED:
            assert finding.reason
        if finding.estimate is not None:
            assert finding.threshold is not None
            assert finding.estimate.n > 0
            assert finding.estimate.method


@each_check
def test_it_never_calls_the_model_itself(check, bench):
    judged(check, bench)  # the artifacts are made
    before = dataclasses.replace(bench.subject.model.passes)
    judged(check, bench)
    assert bench.subject.model.passes == before


def judged(check, bench):
    try:
        needs = needs_of(check(), bench.subject)
    except NotAssessed:
        return ()
    findings = run_check(check(), bench.subject, bench.get_for(needs))
    assert findings, "a check concludes something"
    assert len({finding.key for finding in findings}) == len(findings)
    return findings


def test_every_file_in_the_rooms_is_registered():
    files = {path for path in ROOMS.glob("*/*.py") if path.stem != "__init__"}
    assert files == {Path(inspect.getfile(check)) for check in CHECKS}


def test_every_check_ran_every_contract(request):
    ran = [item.name for item in request.session.items if item.path == Path(__file__)]
    if len(ran) < 10 or hasattr(request.config, "workerinput"):
        pytest.skip("counts only when the whole file runs in one process")
    for check in CHECKS:
        for contract in CONTRACTS:
            assert any(
                name.startswith(f"{contract}[") and check.card.name in name for name in ran
            ), f"{check.card.name} did not run {contract}"

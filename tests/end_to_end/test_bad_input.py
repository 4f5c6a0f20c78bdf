"""Bad input through the command's entry: exit 2 and one sentence, or handled and reported.

The entry is called in this process: starting the command a hundred times would take minutes.
"""

import json
import sys

import pytest

from tests.sources.bad_data import BAD_DATA, HANDLED_DATA
from tests.sources.bad_models import BAD_MODELS

BAD = dict(BAD_DATA) | dict(BAD_MODELS)
HANDLED = dict(HANDLED_DATA)


@pytest.fixture(autouse=True)
def _forget_imported_models():
    """Import each case's own module, as a new process does."""
    sys.modules.pop("mine", None)
    yield
    sys.modules.pop("mine", None)


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_answered_by_one_sentence(case, command, tmp_path):
    code, out, err = command("inspect", *BAD[case](tmp_path), "--only", "accuracy")
    assert code == 2, out + err
    assert "Traceback" not in err
    sentence = err[err.index("roadworthy: ") :]
    assert 20 < len(sentence) < 700
    assert not (tmp_path / "roadworthy-report" / "report.json").exists()


@pytest.mark.parametrize("case", HANDLED)
def test_odd_input_is_handled_and_reported(case, command, tmp_path):
    words = HANDLED[case](tmp_path)
    code, out, err = command("inspect", *words, "--only", "accuracy", "--gate", "none")
    assert code == 0, out + err
    report = json.loads((tmp_path / "roadworthy-report" / "report.json").read_text())
    assert report["findings"][0]["verdict"] in ("pass", "warn", "fail")


def test_there_are_at_least_forty_cases():
    assert len(BAD) + len(HANDLED) >= 40

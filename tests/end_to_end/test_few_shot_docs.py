"""What the documentation says of few-shot learning holds."""

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "few-shot.md"


@pytest.mark.slow
def test_the_code_of_the_guide_runs():
    code = "\n".join(re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S))
    found = {}
    exec(code, found)
    assert found["scores"].accuracy.low > 1 / 3  # chance, of three digits
    assert found["log_probabilities"].shape == (1, 45, 3)
    assert {finding.area for finding in found["report"].findings} == {"performance"}

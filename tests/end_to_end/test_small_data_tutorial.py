"""The tutorial on few labels, command by command as it stands there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_command_of_the_tutorial_does_what_it_says(command, tmp_path):
    page = (ROOT / "docs" / "small-data.md").read_text(encoding="utf-8")
    lines = [
        line
        for block in re.findall(r"```console\n(.*?)```", page, re.S)
        for line in block.splitlines()
    ]
    assert len(lines) == 8
    for line in lines:
        program, *words = shlex.split(line)
        if program == "python":
            done = subprocess.run(
                [sys.executable, ROOT / words[0], *words[1:]], cwd=tmp_path, capture_output=True
            )
            assert done.returncode == 0, done.stderr
            continue
        code, out, err = command(*words)
        assert code == 0, f"{line}\n{err}"
        if words[0] == "compare":
            assert "With 120 labels" in " ".join(out.split())
    assert len((tmp_path / "labels.csv").read_text().splitlines()) == 21
    assert (tmp_path / "again" / "report.html").is_file()

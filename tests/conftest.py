import os
import sys

import pytest

# several workers share the machine: threads of their own would only wait on each other
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")


@pytest.fixture
def command(tmp_path, monkeypatch, capfd):
    """Give a function that runs the command's entry in this process, in a folder of its own."""
    from roadworthy.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROADWORTHY_STORE", str(tmp_path / "store"))

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["roadworthy", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capfd.readouterr()
        return ended.value.code or 0, written.out, written.err

    return run

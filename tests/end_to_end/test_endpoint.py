"""A model that only an address gives access to, attacked and inspected from the command line."""

import json

import numpy as np
import pytest
import torch

from roadworthy.sources import load_dataset, load_model
from tests.frameworks.servers import serving


@pytest.fixture(scope="module")
def deployed():
    data = load_dataset("digits")
    model = load_model("logistic-regression", data)

    def answer(content, handler):
        with torch.no_grad():
            return {"outputs": model(torch.tensor(content["inputs"])).tolist()}

    with serving(answer) as address:
        yield address


def test_an_endpoint_is_attacked_by_its_scores(deployed, command, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    address = deployed.replace("//", "//me:hush@") + "?key=secret"
    words = ["--attack", "square", "--rows", 5, "--queries", 50, "--eps", 0.3]
    code, _, err = command(
        "attack", address, "digits", *words, "--out", "adv.npz", "--report", "report"
    )
    assert code == 0, err
    with np.load(tmp_path / "adv.npz", allow_pickle=False) as found:
        assert found["success"].any()
        assert (np.abs(found["x"] - found["x_original"]) <= 0.3 + 1e-5).all()
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["inspected"]["model"] == deployed
    assert f"roadworthy attack {deployed} digits" in report["judged"]["command"]
    written = [p.read_bytes() for p in (tmp_path / "report").rglob("*") if p.is_file()]
    assert not any(word in text for text in written for word in (b"hush", b"secret"))


def test_an_attack_by_gradients_is_answered_by_one_sentence(deployed, command, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    _, out, err = command("attack", deployed, "digits", "--attack", "pgd", "--rows", 5)
    assert "Traceback" not in err
    assert "gradients" in out + err

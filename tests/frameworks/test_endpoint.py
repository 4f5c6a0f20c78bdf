import threading

import numpy as np
import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer
from roadworthy.frameworks import http_post
from roadworthy.frameworks.endpoint import load_endpoint
from roadworthy.frameworks.http_post import without_secrets
from tests.frameworks.servers import serving

WEIGHTS = np.random.default_rng(0).normal(size=(4, 3))


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(http_post, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv(http_post.TOKEN, raising=False)


def scores(content):
    return (np.array(content["inputs"]) @ WEIGHTS).tolist()


def answer_scores(content, handler):
    return {"outputs": scores(content)}


def expected(x):
    return (x.double() @ torch.from_numpy(WEIGHTS)).float()


def test_scores_are_the_servers(table):
    with serving(answer_scores) as address:
        model = load_endpoint(address, table)
        assert torch.equal(model(table.test.x), expected(table.test.x))
        assert model(table.test.x[:0]).shape == (0, 3)
    assert model.spec.offers == {Offer.LABELS, Offer.SCORES}
    assert "not what runs behind it" in model.spec.notes[-1]


@pytest.mark.parametrize("form", [int, str])  # the three classes are called 0, 1 and 2
def test_labels_may_be_numbers_or_names(table, form):
    def answer(content, handler):
        return {"outputs": [form(np.argmax(row)) for row in scores(content)]}

    with serving(answer) as address:
        model = load_endpoint(address, table)
        outputs = model(table.test.x)
    assert model.spec.offers == {Offer.LABELS}
    assert torch.equal(outputs.argmax(1), expected(table.test.x).argmax(1))
    assert torch.equal(outputs.sum(1), torch.ones(len(outputs)))


def test_the_format_of_kserve_is_found_out_once(table):
    seen = []

    def answer(content, handler):
        seen.append(list(content))
        if "instances" not in content:
            return 400, "application/json", b'{"error": "no instances"}'
        return {"predictions": scores({"inputs": content["instances"]})}

    with serving(answer) as address:
        model = load_endpoint(address, table)
        assert torch.equal(model(table.test.x), expected(table.test.x))
    assert seen == [["inputs"], ["instances"], ["instances"], ["instances"]]


def test_many_rows_are_sent_in_parts(table):
    sizes = []

    def answer(content, handler):
        sizes.append(len(content["inputs"]))
        return answer_scores(content, handler)

    x = table.test.x.repeat(3, 1)
    with serving(answer) as address:
        model = load_endpoint(address, table)
        sizes.clear()
        assert torch.equal(model(x), expected(x))
    assert sizes == [64, 64, 52]
    assert model.passes.forward == 180


def test_images_reach_a_server_that_takes_rows_of_pixels(pictures):
    def answer(content, handler):
        rows = np.array(content["inputs"])
        if rows.ndim != 2:
            return 400, "text/plain", b"rows, please"
        return {"outputs": rows[:, :3].tolist()}

    with serving(answer) as address:
        model = load_endpoint(address, pictures)
        assert torch.equal(model(pictures.test.x), pictures.test.x.flatten(1)[:, :3])


def test_images_reach_a_server_that_takes_channels_last(pictures):
    def answer(content, handler):
        images = np.array(content["inputs"])
        if images.shape[1:] != (6, 6, 1):
            return 400, "text/plain", b"channels last, please"
        return {"outputs": images[:, 2, 1:4, 0].tolist()}

    with serving(answer) as address:
        model = load_endpoint(address, pictures)
        assert torch.equal(model(pictures.test.x), pictures.test.x[:, 0, 2, 1:4])


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(table, status):
    tries = []

    def answer(content, handler):
        tries.append(content)
        if len(tries) % 3:
            return status, "text/plain", b"busy", {"Retry-After": "0"}
        return answer_scores(content, handler)

    with serving(answer) as address:
        model = load_endpoint(address, table)
        assert torch.equal(model(table.test.x), expected(table.test.x))
    assert len(tries) == 9


def test_a_server_that_drops_what_it_does_not_know_is_quoted_on_what_it_does(table):
    def answer(content, handler):
        if "inputs" in content:
            return 400, "text/plain", b"four numbers, please"
        return 200, "text/plain", b"", {"Content-Length": "9"}

    with serving(answer) as address, pytest.raises(InputError, match="four numbers, please"):
        load_endpoint(address, table)


def html(content, handler):
    return 200, "text/html", b"<html>Welcome</html>"


def huge(content, handler):
    return 200, "application/json", b"[" + b"0, " * 2**19


def nested(content, handler):
    return 200, "application/json", b"[" * 100_000


def too_few(content, handler):
    return {"outputs": scores(content)[1:]}


def ragged(content, handler):
    return {"outputs": [[0.5] * (2 + k % 2) for k in range(len(content["inputs"]))]}


def named(content, handler):
    return {"outputs": {"probabilities": scores(content)}}


def empty(content, handler):
    return {"outputs": [[None] * 3] * len(content["inputs"])}


def cut_off(content, handler):
    return 200, "application/json", b"[1, 2", {"Content-Length": "100"}


def other_classes(content, handler):
    return {"outputs": [row[:2] for row in scores(content)]}


def unknown_label(content, handler):
    return {"outputs": ["cat"] * len(content["inputs"])}


WRONG = {
    html: "text/html that is not JSON '<html>Welcome</html>'; give the address that predicts",
    huge: "more than 1 MiB",
    nested: "is not JSON",
    too_few: "59 outputs for 60 inputs",
    ragged: "no table of numbers and no list of labels",
    named: "no table of numbers and no list of labels",
    empty: "no table of numbers and no list of labels",
    cut_off: r"cut off\), 4 times",
    other_classes: "has 2 outputs, but toy has 3 classes",
    unknown_label: "gives the label 'cat', which toy does not have",
    lambda content, handler: []: 'lacks "outputs"',
    lambda content, handler: (401, "text/plain", b""): "HTTP 401: set the environment variable",
    lambda content, handler: (404, "text/plain", b"no such"): "HTTP 404 'no such': check the path",
    lambda content, handler: (503, "text/plain", b""): "HTTP 503, 4 times",
}


@pytest.mark.parametrize("answer", WRONG)
def test_an_answer_of_no_use_is_explained(table, answer, monkeypatch):
    monkeypatch.setattr(http_post, "LARGEST", 1024**2)
    with serving(answer) as address, pytest.raises(InputError, match=WRONG[answer]):
        load_endpoint(address, table)


def test_nobody_at_the_address_is_said(table):
    with serving(html) as address:
        pass
    with pytest.raises(InputError, match=r"cannot be reached.*refused.*4 times: check the address"):
        load_endpoint(address, table)


def test_a_server_that_goes_away_is_said(table):
    with serving(answer_scores) as address:
        model = load_endpoint(address, table)
    with pytest.raises(InputError, match="cannot be reached"):
        model(table.test.x)


def test_a_slow_answer_is_not_waited_for(table, monkeypatch):
    monkeypatch.setattr(http_post, "TIMEOUT", 0.05)
    done = threading.Event()

    def answer(content, handler):
        done.wait(5)
        return 200, "text/plain", b""

    with serving(answer) as address:
        with pytest.raises(InputError, match=r"timed out\), 4 times"):
            load_endpoint(address, table)
        done.set()


@pytest.mark.parametrize("address", ["ftp://host/x", "file:///etc/passwd", "http:///predict"])
def test_only_http_is_spoken(table, address):
    with pytest.raises(InputError, match="give http://… or https://…"):
        load_endpoint(address, table)


def test_login_and_token_are_sent_and_never_shown(table, monkeypatch):
    seen = []

    def answer(content, handler):
        seen.append((handler.headers["Authorization"], handler.path))
        if "wrong" in handler.path:
            return 400, "text/plain", f"I saw {seen[-1]}".encode()
        return answer_scores(content, handler)

    monkeypatch.setenv(http_post.TOKEN, "hush")
    with serving(answer) as address:
        login = address.replace("//", "//me:p%40ss@")
        for given in (address, f"{address}?key=secret", f"{login}?key=secret"):
            model = load_endpoint(given, table)
            assert model.spec.name == address
        for given in (address, login):
            with pytest.raises(InputError) as error:
                load_endpoint(f"{given}?key=secret&wrong", table)
            assert str(error.value).startswith(address)
            assert "HTTP 400" in str(error.value)
            assert not any(word in str(error.value) for word in ("secret", "hush", "p@ss", "me:"))
    assert seen[0] == ("Bearer hush", "/predict")
    assert ("Bearer hush", "/predict?key=secret") in seen
    assert ("Basic bWU6cEBzcw==", "/predict?key=secret") in seen


def test_an_address_is_shown_without_secrets():
    assert without_secrets("https://me:x@Host:81/a b?k=1#f") == "https://host:81/a%20b"
    assert without_secrets("http://me:x@[::1]/a") == "http://[::1]/a"
    assert without_secrets("http://me:pa/ss@host/a") == "http://…"
    assert without_secrets("model.onnx") == "model.onnx"


def test_a_redirection_is_followed_within_the_server_only(table, monkeypatch):
    monkeypatch.setenv(http_post.TOKEN, "hush")
    told = []

    def elsewhere(content, handler):
        told.append(handler.headers["Authorization"])
        return answer_scores(content, handler)

    with serving(elsewhere) as other:

        def answer(content, handler):
            if handler.path == "/predict":
                return 307, "text/plain", b"", {"Location": "/there"}
            if handler.path == "/away":
                return 308, "text/plain", b"", {"Location": f"{other}?key=secret"}
            return answer_scores(content, handler)

        with serving(answer) as address:
            model = load_endpoint(address, table)
            assert torch.equal(model(table.test.x), expected(table.test.x))
            with pytest.raises(InputError, match=f"redirects to another server, {other}: "):
                load_endpoint(address.replace("predict", "away"), table)
    assert told == []


def test_the_fingerprint_is_of_address_and_outputs(table):
    shift = [0.0]

    def answer(content, handler):
        return {"outputs": (np.array(scores(content)) + shift[0]).tolist()}

    with serving(answer) as address:
        first = load_endpoint(address, table).spec.fingerprint
        same = load_endpoint(address, table).spec.fingerprint
        shift[0] = 1.0
        changed = load_endpoint(address, table).spec.fingerprint
    assert first == same != changed

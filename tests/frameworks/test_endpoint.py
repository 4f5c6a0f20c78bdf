import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

import roadworthy as rw
from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer
from roadworthy.frameworks.endpoint import TOKEN, Endpoint, load_endpoint
from tests.frameworks import twins


class Server:
    """Answers with a network's outputs; what it was sent is kept."""

    def __init__(self, asks="inputs", answers="outputs", failures=(), make=None):
        self.asks, self.answers, self.failures = asks, answers, list(failures)
        self.make = make or (lambda x: twins.mlp()(x).tolist())
        self.sizes, self.headers, self.paths = [], [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)

    def answer(self, request):
        sent = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        self.headers.append(dict(request.headers))
        self.paths.append(request.path)
        status, body = 200, b""
        if self.failures:
            status = self.failures.pop(0)
        elif self.asks not in sent:
            status, body = 400, b"unknown words"
        else:
            rows = sent[self.asks]
            self.sizes.append(len(rows))
            made = self.make(torch.tensor(rows))
            body = made if isinstance(made, bytes) else json.dumps({self.answers: made}).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        if status == 302:
            request.send_header("Location", "http://127.0.0.1:1/elsewhere")
        request.end_headers()
        request.wfile.write(body)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}/v1/predict"


@pytest.mark.parametrize("words", [("inputs", "outputs"), ("instances", "predictions")])
def test_scores_come_from_the_address_in_either_dialect(table, words):
    with Server(*words) as server:
        model = rw.load_model(server.address, table)
        x = torch.randn(150, 4)
        server.sizes.clear()
        assert torch.allclose(model(x), twins.mlp()(x), atol=1e-5)
    assert server.sizes == [64, 64, 22]
    assert model.spec.offers == {Offer.LABELS, Offer.SCORES}
    assert model.passes.forward == 150


def test_labels_alone_are_offered_as_labels(table):
    with Server(make=lambda x: twins.mlp()(x).argmax(1).tolist()) as server:
        model = load_endpoint(server.address, table)
        assert torch.equal(model(table.test.x).argmax(1), twins.mlp()(table.test.x).argmax(1))
    assert model.spec.offers == {Offer.LABELS}


def test_a_black_box_attack_goes_through(table):
    with Server() as server:
        model = load_endpoint(server.address, table)
        x, y = table.test.x[:8], twins.mlp()(table.test.x[:8]).argmax(1)
        bounds = (table.test.x.amin(), table.test.x.amax())
        threat = rw.Ball("linf", 1.0)
        found = rw.run_attack(rw.attacks.Square(steps=5), model, x, y, threat, bounds=bounds)
    assert bool(found.success.any())


def test_passing_troubles_are_tried_again(table):
    with Server(failures=[503, 429]) as server:
        ways = [Endpoint(server.address, pause=0.01)]
        model = load_endpoint(server.address, table, endpoints=ways)
    assert model.spec.outputs == 3


def test_the_token_is_sent_and_secrets_stay_out_of_the_name(table, monkeypatch):
    monkeypatch.setenv(TOKEN, "very-secret")
    with Server() as server:
        address = server.address.replace("//", "//user:password@") + "?key=hidden"
        model = load_endpoint(address, table)
        monkeypatch.delenv(TOKEN)
        model(table.test.x)
    assert server.headers[0]["Authorization"] == "Bearer very-secret"
    assert server.headers[-1]["Authorization"] == "Basic dXNlcjpwYXNzd29yZA=="
    assert server.paths[0] == "/v1/predict?key=hidden"
    assert model.spec.name == server.address
    assert not any(word in repr(model.spec) for word in ("secret", "password", "hidden"))


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        (Server(failures=[401] * 9), "refuses .status 401"),
        (Server(failures=[302] * 9), "refuses .status 302"),
        (Server(failures=[500] * 9), "no answer in 2 tries: status 500"),
        (Server(make=lambda x: b"<html>"), "no JSON"),
        (Server(make=lambda x: b"[1, 2]"), "without a list named 'outputs'"),
        (Server(make=lambda x: [[1, 2, 3]]), "1 outputs for 60 inputs"),
        (Server(make=lambda x: [["a"]] * len(x)), "no table of numbers"),
        (Server(make=lambda x: [[1.0, 2.0]] * len(x)), "2 outputs, but toy has 3 classes"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(table, server, sentence):
    ways = [Endpoint(server.address, tries=2, pause=0.01)]
    with server, pytest.raises(InputError, match=sentence):
        load_endpoint(server.address, table, endpoints=ways)


def test_where_nothing_listens_is_said_without_secrets(table):
    with Server() as server:
        address = server.address
    ways = [Endpoint(address + "?key=hidden", tries=1)]
    with pytest.raises(InputError, match="gave no answer in 1 tries") as raised:
        load_endpoint(address, table, endpoints=ways)
    assert "hidden" not in str(raised.value)
    with pytest.raises(InputError, match="names no host"):
        rw.load_model("http://", table)


def test_answers_are_bounded(table, monkeypatch):
    monkeypatch.setattr("roadworthy.frameworks.endpoint.LARGEST", 1 << 20)
    server = Server(make=lambda x: b" " * (2 << 20))
    with server, pytest.raises(InputError, match="1 MiB"):
        load_endpoint(server.address, table, endpoints=[Endpoint(server.address)])

"""The page that takes labels: it serves its own page alone, and saves what it is told."""

import http.client
import json
import threading

import pytest

from roadworthy.cli.label_server import LabelServer
from roadworthy.core.errors import InputError
from roadworthy.core.labelling import Item
from roadworthy.render import label_page


@pytest.fixture
def served():
    taken = {}

    def answer(row, label):
        if row != 3:
            raise InputError(f"row {row} was not asked for")
        taken[row] = label

    with LabelServer(lambda: "<p>the page</p>", answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server, taken
        server.shutdown()
        thread.join()


def ask(server, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, body, headers)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text


def test_the_page_is_at_an_address_that_nobody_guesses(served):
    server, _ = served
    assert ask(server, "GET", f"/{server.word}/") == (200, "<p>the page</p>")
    assert ask(server, "GET", "/")[0] == 404
    assert ask(server, "GET", "/guess/")[0] == 404
    assert server.server_address[0] == "127.0.0.1"
    assert len(server.word) >= 20


def test_another_host_name_is_not_served(served):
    server, taken = served
    body = json.dumps({"row": 3, "label": "cat"})
    path = f"/{server.word}/answer"
    assert ask(server, "POST", path, body, Host="evil.example")[0] == 404
    assert taken == {}


def test_answers_are_taken(served):
    server, taken = served
    body = json.dumps({"row": 3, "label": "cat"})
    assert ask(server, "POST", f"/{server.word}/answer", body)[0] == 200
    assert taken == {3: "cat"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('{"row": 4, "label": "cat"}', "row 4 was not asked for"),
        ('{"row": "x", "label": "cat"}', "an answer is a row and a label"),
        ("", "an answer is a row and a label"),
        ("x" * 20_000, "an answer is a row and a label"),
    ],
)
def test_other_answers_are_refused_with_a_sentence(served, body, says):
    server, taken = served
    status, text = ask(server, "POST", f"/{server.word}/answer", body)
    assert status == 400
    assert says in text
    assert taken == {}


def test_what_a_row_holds_cannot_become_part_of_the_page():
    nasty = "</script><script>alert(1)</script>"
    items = [Item(1, nasty, values=((nasty, nasty),), text=nasty)]
    page = label_page.page(nasty, items, (nasty,), {1: nasty})
    assert "<script>alert" not in page
    assert page.count("</script>") == 3

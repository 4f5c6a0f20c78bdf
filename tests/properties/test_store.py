import math
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from roadworthy.core.artifact import Store

KEY = "0" * 64
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8]


@dataclass(frozen=True, eq=False)
class Value:
    first: Tensor
    second: Tensor
    words: tuple[str, ...]
    numbers: dict[str, float]
    nested: tuple[tuple[int, ...], ...]
    flag: bool | None


def value_of(first, second=None, **changes):
    plain = {"words": ("a", "ä"), "numbers": {"b": 0.1}, "nested": ((1,), ()), "flag": None}
    return Value(first, torch.ones(1) if second is None else second, **plain | changes)


def assert_same(found, expected):
    for name in ("first", "second"):
        a, b = getattr(found, name), getattr(expected, name)
        assert a.dtype == b.dtype
        assert torch.equal(a, b)
    for name in ("words", "numbers", "nested", "flag"):
        assert getattr(found, name) == getattr(expected, name)


tensors = st.tuples(
    st.sampled_from([*DTYPES, torch.bool]), st.lists(st.integers(0, 4), max_size=3)
).map(lambda kind: torch.arange(math.prod(kind[1])).reshape(kind[1]).to(kind[0]))
finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None, max_examples=60)
@given(
    tensors,
    tensors,
    st.lists(st.text()).map(tuple),
    st.dictionaries(st.text(), finite),
    st.lists(st.lists(st.integers(-(2**63), 2**63 - 1)).map(tuple)).map(tuple),
    st.sampled_from([True, False, None]),
)
def test_what_is_written_is_read(tmp_path_factory, first, second, words, numbers, nested, flag):
    store = Store(tmp_path_factory.mktemp("store"))
    value = Value(first, second, words, numbers, nested, flag)
    store.write(KEY, value, seconds=1.5)
    found, seconds = store.read(KEY, Value)
    assert_same(found, value)
    assert seconds == 1.5


def test_tensors_that_are_views_of_one_another_are_kept(tmp_path):
    store, base = Store(tmp_path), torch.arange(12.0).reshape(3, 4)
    for value in (value_of(base.t(), base[1:]), value_of(base, base), value_of(base, base[:1])):
        store.write(KEY, value, 0)
        assert_same(store.read(KEY, Value)[0], value)


def test_tensors_with_a_graph_are_kept_without_it(tmp_path):
    store = Store(tmp_path)
    store.write(KEY, value_of(torch.ones(2, requires_grad=True) * 2), 0)
    assert not store.read(KEY, Value)[0].first.requires_grad


def test_a_truncated_file_is_treated_as_absent(tmp_path):
    store = Store(tmp_path)
    store.write(KEY, value_of(torch.arange(100)), 0)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for length in (0, 1, 7, 8, 20, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert store.read(KEY, Value) is None


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_garbage_is_treated_as_absent(tmp_path_factory, garbage):
    folder = tmp_path_factory.mktemp("store")
    (folder / f"{KEY}.safetensors").write_bytes(garbage)
    assert Store(folder).read(KEY, Value) is None


@pytest.mark.parametrize("meta", [None, {}, {"value": "[]"}, {"value": "{"}, {"value": "{}"}])
def test_a_file_of_other_making_is_treated_as_absent(tmp_path, meta):
    path = tmp_path / f"{KEY}.safetensors"
    safetensors.torch.save_file({"first": torch.ones(1)}, path, metadata=meta)
    assert Store(tmp_path).read(KEY, Value) is None


def test_a_value_of_another_kind_is_treated_as_absent(tmp_path):
    @dataclass(frozen=True)
    class Other:
        first: Tensor
        count: int

    Store(tmp_path).write(KEY, Other(torch.ones(1), 2), 0)
    assert Store(tmp_path).read(KEY, Value) is None


def test_a_damaged_value_can_be_written_again(tmp_path):
    store, value = Store(tmp_path), value_of(torch.ones(3))
    (tmp_path / f"{KEY}.safetensors").write_bytes(b"damaged")
    store.write(KEY, value, 0)
    assert_same(store.read(KEY, Value)[0], value)


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        Store(tmp_path).write(KEY, value_of(torch.ones(3), flag=object()), 0)
    assert list(tmp_path.iterdir()) == []


def test_a_fresh_store_reads_nothing_but_writes(tmp_path):
    fresh = Store(tmp_path, fresh=True)
    fresh.write(KEY, value_of(torch.ones(3)), 0)
    assert fresh.read(KEY, Value) is None
    assert Store(tmp_path).read(KEY, Value) is not None


def test_a_store_without_a_folder_keeps_nothing():
    store = Store(None)
    store.write(KEY, value_of(torch.ones(3)), 0)
    assert not store.has(KEY)


def test_two_writers_leave_the_whole_value_of_one_of_them(tmp_path):
    values = [value_of(torch.full((200_000,), float(i)), torch.full((5,), i)) for i in range(2)]
    store = Store(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            list(pool.map(lambda value: store.write(KEY, value, 0), values))
            found, _ = store.read(KEY, Value)
            number = int(found.first[0])
            assert_same(found, values[number])
    assert [path.name for path in tmp_path.iterdir()] == [f"{KEY}.safetensors"]


WRITER = """
import sys
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[2])
from test_store import KEY, value_of
from roadworthy.core.artifact import Store
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    number += 1
    store.write(KEY, value_of(torch.full((2_000_000,), number)), 0)
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_a_whole_value_or_none(tmp_path):
    here = __file__.rpartition("/")[0]
    for delay in (0.0, 0.02, 0.05, 0.1):
        command = [sys.executable, "-c", WRITER, str(tmp_path), here]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
        if (found := Store(tmp_path).read(KEY, Value)) is None:
            assert not (tmp_path / f"{KEY}.safetensors").exists()
        else:
            assert (found[0].first == found[0].first[0]).all()
            assert len(found[0].first) == 2_000_000

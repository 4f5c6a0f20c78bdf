import json
import os
import pickle
import warnings
import zipfile

import pytest
import torch
from torch import nn

from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer
from roadworthy.frameworks.exported_program import load_exported_program


class Trap:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).eval()


def export(path, batch=None):
    shapes = ({0: torch.export.Dim("rows")},) if batch is None else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter uses what torch deprecates
        program = torch.export.export(
            network(), (torch.zeros(batch or 2, 4),), dynamic_shapes=shapes
        )
        torch.export.save(program, path)
    return path


def change(path, name, edit):
    """Edit one member of the archive; None for what is not there."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    root = next(iter(members)).partition("/")[0]
    members[f"{root}/{name}"] = edit(members.get(f"{root}/{name}"))
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path


def edit_program(path, edit):
    def run(content):
        program = json.loads(content)
        edit(program)
        return json.dumps(program).encode()

    return change(path, "models/model.json", run)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return export(tmp_path_factory.mktemp("exported") / "free.pt2").read_bytes()


@pytest.fixture
def path(tmp_path, exported):
    (tmp_path / "model.pt2").write_bytes(exported)
    return tmp_path / "model.pt2"


def test_outputs_and_gradients_are_the_modules(path, table):
    model = load_exported_program(path, table)
    x = table.test.x.clone().requires_grad_()
    outputs = model(x)
    (gradient,) = torch.autograd.grad(outputs[:, 0].sum(), x)
    (expected,) = torch.autograd.grad(network()(x)[:, 0].sum(), x)
    assert torch.allclose(outputs, network()(x), atol=1e-6)
    assert torch.allclose(gradient, expected, atol=1e-6)
    assert Offer.GRADIENTS in model.spec.offers


@pytest.mark.parametrize("batch", [1, 7])
def test_a_fixed_batch_is_filled_up(tmp_path, table, batch):
    model = load_exported_program(export(tmp_path / "model.pt2", batch), table)
    assert torch.allclose(model(table.test.x), network()(table.test.x), atol=1e-6)


def test_weights_that_are_pickles_are_refused_unread(path, tmp_path, table):
    def pickled(content):
        config = json.loads(content)
        for payload in config["config"].values():
            payload["use_pickle"] = True
        return json.dumps(config).encode()

    change(path, "data/weights/model_weights_config.json", pickled)
    change(path, "data/weights/weight_0", lambda _: pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(InputError, match=r"pickle among its weights.*--trust"):
        load_exported_program(path, table)
    assert not (tmp_path / "sprung").exists()


def test_sample_inputs_that_are_more_than_tensors_are_refused_unread(path, tmp_path, table):
    torch.save((Trap(tmp_path / "sprung"),), tmp_path / "samples")
    content = (tmp_path / "samples").read_bytes()
    change(path, "data/sample_inputs/model.pt", lambda _: content)
    with pytest.raises(InputError, match=r"more than tensors.*--trust"):
        load_exported_program(path, table)
    assert not (tmp_path / "sprung").exists()


def test_the_trap_springs_where_a_pickle_is_loaded(tmp_path):
    torch.save((Trap(tmp_path / "sprung"),), tmp_path / "samples")
    torch.load(tmp_path / "samples", weights_only=False)
    assert (tmp_path / "sprung").exists()


def test_a_trusted_file_is_loaded_as_torch_does(path, table):
    trusted = load_exported_program(path, table, trust=True)
    assert torch.equal(trusted(table.test.x), load_exported_program(path, table)(table.test.x))


@pytest.mark.parametrize("name", ["data/constants/opaque_obj_0", "data/weights/model.pt"])
def test_members_that_torch_would_unpickle_are_refused(path, tmp_path, table, name):
    change(path, name, lambda _: pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(InputError, match=r"the member.*--trust"):
        load_exported_program(path, table)
    assert not (tmp_path / "sprung").exists()


def test_guards_are_not_compiled(path, tmp_path, table):
    trap = f"__import__('os').mkdir({str(tmp_path / 'sprung')!r}) or True"
    edit_program(path, lambda program: program.update(guards_code=[trap]))
    model = load_exported_program(path, table)
    assert torch.allclose(model(table.test.x), network()(table.test.x), atol=1e-6)
    assert not (tmp_path / "sprung").exists()


def spoil_shape(program, text):
    program["graph_module"]["graph"]["tensor_values"]["linear"]["sizes"][0]["as_expr"][
        "expr_str"
    ] = text


def spoil_node(program, key, text):
    program["graph_module"]["graph"]["nodes"][0][key] = text


@pytest.mark.parametrize(
    "edit",
    [
        lambda program: spoil_shape(program, "__import__('os').getcwd()"),
        lambda program: spoil_shape(program, "9**9**9**9"),
        lambda program: spoil_node(program, "target", "torch.ops.aten.from_file.default"),
        lambda program: spoil_node(program, "target", "torch.load"),
        lambda program: spoil_node(program, "name", "x = exec('1')"),
        lambda program: program["graph_module"]["module_call_graph"][0]["signature"].update(
            in_spec='[1, {"type": "enum.Enum", "context": "null", "children_spec": []}]'
        ),
    ],
)
def test_text_that_could_run_as_code_is_refused(path, table, edit):
    edit_program(path, edit)
    with pytest.raises(InputError, match="could run code"):
        load_exported_program(path, table)


@pytest.mark.parametrize("content", [b"", b"\x80\x04N.", b"PK\x03\x04"])
def test_what_is_no_archive_is_said(tmp_path, table, content):
    (tmp_path / "a.pt2").write_bytes(content)
    with pytest.raises(InputError, match=r"is not a \.pt2 archive"):
        load_exported_program(tmp_path / "a.pt2", table)

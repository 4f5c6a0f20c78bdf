"""Every notebook runs from top to bottom, and is stored as it was written: without outputs."""

import functools
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
PAGES = ("README.md", "docs/tutorial.md", "docs/small-data.md", "docs/how-to/ordinal.md")


def by_name(path):
    return path.stem


def read(path):
    return nbformat.reads(path.read_text(encoding="utf-8"), as_version=nbformat.NO_CONVERT)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Give a function that runs a notebook, once, in a new kernel and a folder of its own."""
    home = tmp_path_factory.mktemp("jupyter")

    @functools.cache
    def execute(path):
        book, folder = read(path), tmp_path_factory.mktemp(path.stem)
        # no kernel that is installed on this machine: that of the running interpreter
        specs = KernelSpecManager(kernel_dirs=[])
        client = NotebookClient(
            book,
            km=AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs),
            timeout=120,
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute(cleanup_kc=True)  # the kernel ends with its notebook
        outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
        said = [output for output in outputs if output.output_type == "stream"]
        assert [output.text for output in said if output.name == "stderr"] == []
        return "".join(output.text for output in said), outputs, folder

    with pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(name, str(home / name.lower()))
        yield execute


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_a_notebook_is_stored_without_outputs_and_without_traces_of_a_machine(path):
    book = read(path)
    nbformat.validate(book)
    assert (book.nbformat, book.nbformat_minor) == (4, 5)
    assert book.metadata == METADATA
    assert book.cells[0].source.startswith("# ")
    for cell in book.cells:
        assert cell.metadata == {}
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_the_documentation_names_every_notebook(path):
    pages = "".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    assert f"examples/notebooks/{path.name}" in pages


@pytest.mark.slow
def test_a_notebook_runs_in_the_interpreter_of_the_tests(run, tmp_path):
    cell = nbformat.v4.new_code_cell("import sys\nprint(sys.executable)")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "which.ipynb")
    said, _, _ = run(tmp_path / "which.ipynb")
    assert said.strip() == sys.executable


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_a_notebook_runs_without_an_error_or_a_warning(path, run):
    _, outputs, _ = run(path)
    assert any("text/html" in output.get("data", {}) for output in outputs)


@pytest.mark.slow
def test_the_flaws_of_the_patients_are_found_and_one_is_repaired(run):
    said, _, folder = run(ROOT / "examples" / "notebooks" / "inspect_a_model.ipynb")
    found = [line.split()[:2] for line in said.splitlines() if line.startswith("RW-")]
    before, after = found[:4], found[4:]
    assert ["RW-LEAK-001", "fail"] in before, "patients who were entered twice"
    assert ["RW-LEAK-001", "fail"] in after, "no guard takes rows out"
    assert ["RW-PERF-002", "fail"] in before, "readings that count eight times"
    assert "RW-PERF-002" not in [code for code, _ in after]
    for name in ("patients.html", "before-and-after.html"):
        assert (folder / name).read_text(encoding="utf-8").lstrip().startswith("<!doctype html>")

"""The shape of the code: imports go one way, nothing that a file holds is ever run."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("src", "scripts", "tests", "benchmarks", "docs")
#: Copies a metric through pickle, in memory, to see that it can be.
COPIES_BY_PICKLE = "src/shapemetrics/testing.py"
#: Modules whose loading runs what the file says.
RUNS_FILES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}


def python_files(*folders: str) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if not {"_build", "_api", "__pycache__"} & set(path.parts)
    )


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


# The contracts themselves stand in pyproject.toml, where `lint-imports` reads them too.


def lint(folder: Path) -> subprocess.CompletedProcess:
    """Check the package in a folder, in a process of its own: the linter switches loggers off."""
    code = "from importlinter.cli import lint_imports as l; raise SystemExit(l(no_cache=True))"
    environment = {"PYTHONPATH": str(folder / "src"), "PATH": ""}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_imports_go_one_way():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def lint_a_copy(folder: Path, path: str, text: str) -> subprocess.CompletedProcess:
    """Check a copy of the package in which a file has further lines."""
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    changed = folder / "src" / "shapemetrics" / path
    changed.parent.mkdir(exist_ok=True)
    with open(changed, "a") as file:
        file.write(text)
    return lint(folder)


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("metrics/base.py", "shapemetrics.pairwise.engine"),
        ("datasets/download.py", "shapemetrics.metrics.base"),
        ("figures/style.py", "shapemetrics.files"),
        ("geometry/audit.py", "shapemetrics.figures.style"),
        ("pairwise/checks.py", "shapemetrics.estimation.noise"),
        ("backends/base.py", "shapemetrics.metrics.base"),
        ("pairwise/tiles.py", "matplotlib.figure"),
        ("study/jobs.py", "shapemetrics.cli.frame"),
        ("linalg.py", "shapemetrics.store"),
        ("metrics/base.py", "shapemetrics.metrics.linear"),
    ],
)
def test_an_import_the_other_way_is_found(importer, imported, tmp_path):
    done = lint_a_copy(tmp_path, importer, f"\n\ndef late():\n    import {imported}\n")
    assert done.returncode == 1, done.stdout + done.stderr
    assert imported in done.stdout or "cycles" in done.stdout


def test_a_new_folder_needs_a_floor(tmp_path):
    done = lint_a_copy(tmp_path, "novelty/__init__.py", '"""New."""\n')
    assert done.returncode == 1
    assert "novelty" in done.stdout


def test_modules_import_modules_and_not_the_folders_that_gather_them():
    """A folder's ``__init__`` would tie a rule of the study to everything that it gathers."""
    graph = grimp.build_graph("shapemetrics", cache_dir=None)
    folders = {module for module in graph.modules if graph.find_children(module)}
    found = [
        (importer, folder)
        for folder in folders - {"shapemetrics"}
        for importer in graph.find_modules_that_directly_import(folder)
    ]
    assert found == []


def test_files_say_what_they_are():
    texts = {path: path.read_text(encoding="utf-8") for path in python_files(*FOLDERS)}
    assert [shown(p) for p, text in texts.items() if not ast.get_docstring(ast.parse(text))] == []


def test_scripts_do_not_import_one_another():
    names = {path.stem for path in python_files("scripts")}
    for path in python_files("scripts"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not names & {name.split(".")[0] for name, _ in imports(tree)}, shown(path)


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of every import; the name of ``import module`` is empty."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def dangers(text: str) -> list[str]:
    """Ways of a source file to run what a data file says, and wildcard imports."""
    tree = ast.parse(text)
    found = []
    for module, name in imports(tree):
        if name == "*":
            found.append(f"from {module} import *")
        if module.split(".")[0] in RUNS_FILES or name in RUNS_FILES:
            found.append(f"import of {module} {name}".strip())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if given.get("allow_pickle", "False") != "False":
                found.append(f"{called}(allow_pickle={given['allow_pickle']})")
            if called in ("np.load", "numpy.load") and "allow_pickle" not in given:
                found.append(f"{called} without allow_pickle=False")
            if called == "torch.load" and given.get("weights_only") != "True":
                found.append("torch.load without weights_only=True")
            if called == "yaml.load" or called.endswith((".read_pickle", ".to_pickle")):
                found.append(called)
            if called in ("eval", "exec"):
                found.append(called)
    return found


def test_no_data_file_is_ever_run():
    paths = python_files("src", "scripts", "benchmarks")
    found = {shown(path): dangers(path.read_text(encoding="utf-8")) for path in paths}
    assert found.pop(COPIES_BY_PICKLE) == ["import of pickle"]
    assert {path: why for path, why in found.items() if why} == {}


@pytest.mark.parametrize(
    "text",
    [
        "from shapemetrics.metrics import *",
        "import pickle",
        "def f():\n    from joblib import load",
        "import joblib.numpy_pickle as x",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=trusted)",
        "np.save(path, X, allow_pickle=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "pd.read_pickle(path)",
        "yaml.load(text, Loader=yaml.Loader)",
        "eval(text)",
    ],
)
def test_dangers_are_seen(text):
    assert len(dangers(text)) == 1


def test_what_is_safe_is_no_danger():
    safe = (
        "np.load(path, mmap_mode='r', allow_pickle=False)",
        "torch.load(path, weights_only=True)",
        "json.load(file)",
        "yaml.safe_load(text)",
        "np.save(path, X)",
        "model.eval()",
    )
    assert [dangers(text) for text in safe] == [[]] * len(safe)


def unordered(node: ast.expr) -> bool:
    """Whether an expression is a set, or made of one: its order differs between processes."""
    if isinstance(node, ast.BinOp):
        return unordered(node.left) or unordered(node.right)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
    return isinstance(node, ast.Set | ast.SetComp)


def test_cases_of_tests_have_an_order():
    """Workers that share the tests must collect the same ones in the same order."""
    calls = [
        (path, node)
        for path in python_files("tests")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and len(node.args) > 1
    ]
    parametrized = [
        (path, node) for path, node in calls if getattr(node.func, "attr", "") == "parametrize"
    ]
    assert len(parametrized) > 100
    assert [f"{shown(p)}:{n.lineno}" for p, n in parametrized if unordered(n.args[1])] == []

"""The guides as a reader meets them: their examples run and print what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from matplotlib.image import imread

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FIGURES = Path("images") / "metrics"

FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^(?: {4}[^\n]*|[ \t]*)\n)+", re.MULTILINE)
PYTHON_START = re.compile(r"^    (?:import|from) \w", re.MULTILINE)
EXPECTED = re.compile(r"#\s*->\s*(.+)$", re.MULTILINE)
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)[^)]*\)")
NUMBER = re.compile(r"-?\d+(?:\.(\d+))?(?:e-?\d+)?")


#: Says in a guide's example that it needs a network.
DOWNLOADS = "# downloads"


def python_blocks(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, code): blocks fenced as python, and indented ones from their first import."""
    prose = text
    for match in FENCE.finditer(text):
        if match[1] == "python":
            yield text[: match.start(2)].count("\n"), match[2]
        prose = prose.replace(match[0], "\n" * match[0].count("\n"), 1)
    for match in INDENTED.finditer(prose):
        start = PYTHON_START.search(match[0])
        if start:
            code = re.sub(r"^ {4}", "", match[0][start.start() :], flags=re.MULTILINE)
            yield prose[: match.start() + start.start()].count("\n"), code


def same_text(found: str, expected: str) -> bool:
    """Whether two printouts agree but for the last digit of their numbers."""
    found, expected = " ".join(found.split()), " ".join(expected.split())
    if NUMBER.sub("#", found) != NUMBER.sub("#", expected):
        return False
    for a, b in zip(NUMBER.finditer(found), NUMBER.finditer(expected), strict=True):
        slack = 1.01 * 10.0 ** -len(b[1]) if b[1] else 0.0
        if abs(float(a[0]) - float(b[0])) > slack:
            return False
    return True


def targets(guide: Path) -> Iterator[tuple[bool, str]]:
    """Yield (is an image, target) of the links that lead to files, outside code."""
    for mark, target in LINK.findall(FENCE.sub("", guide.read_text(encoding="utf-8"))):
        if not re.match(r"[a-z][a-z+.-]*:|#", target):
            yield mark == "!", unquote(target.split("#")[0])


WITH_PYTHON = [
    guide for guide in GUIDES if any(True for _ in python_blocks(guide.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("guide", WITH_PYTHON, ids=lambda guide: guide.name)
def test_examples_run_and_print_what_they_say(
    guide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # A module of its own, so that classes which a guide defines can be found by their name.
    module = types.ModuleType(f"examples_of_{guide.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    namespace = module.__dict__
    for line, code in python_blocks(guide.read_text(encoding="utf-8")):
        # Line numbers of a traceback are then those of the guide.
        block = compile("\n" * line + code, str(guide), "exec", dont_inherit=True)
        if DOWNLOADS in code:
            # Without a network only the names can be tried.
            block = "\n".join(row for row in code.splitlines() if row.startswith("from "))
        exec(block, namespace)
        printed = capsys.readouterr().out
        expected = "\n".join(EXPECTED.findall(code))
        if expected:
            assert same_text(printed, expected), f"{guide.name}, line {line + 1}: {printed}"


def test_readme_and_metric_guides_have_examples() -> None:
    assert {"README.md", "metrics.md", "estimation.md"} <= {guide.name for guide in WITH_PYTHON}


@pytest.mark.parametrize(
    ("found", "expected", "same"),
    [
        ("0.851\n", "0.852", True),
        ("0.851\n", "0.853", False),
        ("[0.0, 1.41]\nTrue", "[0.0, 1.42] True", True),
        ("(32, 20)", "(32, 21)", False),
        ("True", "False", False),
        ("1.0 2.0", "1.0", False),
    ],
)
def test_printouts_are_compared_to_the_last_digit(found: str, expected: str, same: bool) -> None:
    assert same_text(found, expected) is same


def test_blocks_are_found_in_fences_and_in_indented_text() -> None:
    text = (
        "Text\n\n    pip install .\n\n    import os\n    if os:\n        a = 1\n\nMore\n\n"
        "```bash\nimport nothing\n```\n\n```python\nb = 2\n```\n"
    )
    blocks = list(python_blocks(text))
    assert [(line, code.strip()) for line, code in blocks] == [
        (15, "b = 2"),
        (4, "import os\nif os:\n    a = 1"),
    ]
    for line, code in blocks:
        assert text.splitlines()[line].strip() == code.splitlines()[0]


@pytest.mark.slow
def test_gallery_draws_every_figure_of_the_guides(tmp_path: Path) -> None:
    used = {
        Path(target).name
        for guide in (ROOT / "docs").glob("*.md")
        for image, target in targets(guide)
        if image and Path(target).parent == FIGURES
    }
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, str(ROOT / "docs" / "gallery.py"), str(tmp_path)],
        check=True,
        env=environment,
        cwd=tmp_path,
    )
    assert used
    assert {path.name for path in tmp_path.iterdir()} == used
    for name in used:
        drawn, kept = tmp_path / name, ROOT / "docs" / FIGURES / name
        assert drawn.stat().st_size < 40_000, name
        new, old = imread(drawn)[..., :3], imread(kept)[..., :3]
        assert new.shape == old.shape, f"{name} is out of date: run python docs/gallery.py"
        assert abs(new - old).mean() < 0.004, f"{name} is out of date: run python docs/gallery.py"

"""Links of every text in the repository lead to a file and, where they name one, to a heading.

Without a network: what lies elsewhere is tried by `make linkcheck`. GitHub and the documentation
site make the same anchors of headings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

import shapemetrics

ROOT = Path(__file__).resolve().parents[2]
PLACES = (
    "*.md",
    "docs/*.md",
    "config/*.md",
    "paper/*.md",
    "results/README.md",
    "src/**/*.md",
    "benchmarks/**/*.md",
)
TEXTS = sorted({path for place in PLACES for path in ROOT.glob(place)})

FENCED = r"^( *)(```+|~~~+).*?^\1\2[ \t]*$"
FENCES = re.compile(FENCED, re.MULTILINE | re.DOTALL)
CODE = re.compile(FENCED + r"|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def links(text: str) -> Iterator[str]:
    """Targets of the links of a text that are not elsewhere, outside code."""
    for target in LINK.findall(CODE.sub("", text)):
        if not ELSEWHERE.match(target):
            yield unquote(target)


def anchors(text: str) -> set[str]:
    """Anchors of a text's headings: lower case, words joined by dashes, repeated ones numbered."""
    found: set[str] = set()
    for heading in HEADING.findall(FENCES.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        number = 0
        while (name := slug if not number else f"{slug}-{number}") in found:
            number += 1
        found.add(name)
    return found


def broken(text: str, folder: Path) -> list[str]:
    """Links of a text in this folder that lead nowhere."""
    found = []
    for target in links(text):
        name, _, anchor = target.partition("#")
        file = (folder / name).resolve() if name else None
        if file is not None and not (file.exists() and file.is_relative_to(ROOT)):
            found.append(target)
        elif anchor and (file is None or file.suffix == ".md"):
            there = text if file is None else file.read_text(encoding="utf-8")
            if anchor not in anchors(there):
                found.append(target)
    return found


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    assert broken(path.read_text(encoding="utf-8"), path.parent) == []


def test_links_that_lead_nowhere_are_seen() -> None:
    text = (
        "# A heading, with `code` (1)\n\n[here](#a-heading-with-code-1) [no](#a-heading)\n"
        "[file](metrics.md) [no](absent.md) [image ![x](absent.png)](metrics.md)\n"
        "[far](https://example.org/x) [mail](mailto:a@b.c) `[code](absent.md)`\n"
        "```\n[code](absent.md)\n# no heading\n```\n[no](#no-heading)\n"
        "[part](metrics.md#linearmetric) [no](metrics.md#nothing) [out](../../../etc/passwd)\n"
    )
    assert broken(text, ROOT / "docs") == [
        "#a-heading",
        "absent.md",
        "absent.png",
        "#no-heading",
        "metrics.md#nothing",
        "../../../etc/passwd",
    ]


def test_site_shows_every_guide() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = {line for block in re.findall(r"```{toctree}\n(.*?)```", index, re.DOTALL)
              for line in block.splitlines() if line and not line.startswith(":")}  # fmt: skip
    assert listed == {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}


def test_site_shows_every_package() -> None:
    listed = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    inside = {f"shapemetrics.{name}" for name in dir(shapemetrics) if is_folder(name)}
    assert inside - {"shapemetrics.study", "shapemetrics.cli"} <= set(listed.split())


def is_folder(name: str) -> bool:
    return (ROOT / "src" / "shapemetrics" / name / "__init__.py").is_file()

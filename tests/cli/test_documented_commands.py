"""The commands that the guides show, run as they stand, and print what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d+\.\d{2,}")


def blocks(guide: Path) -> Iterator[tuple[str, str]]:
    for match in BLOCK.finditer(guide.read_text(encoding="utf-8")):
        yield match[1], match[2]


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Yield (command, what it prints)."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        yield command, printed


def rounded(text: str) -> str:
    """A text with its numbers to three digits, as a guide shows them."""
    return NUMBER.sub(lambda found: f"{float(found[0]):.3f}", text)


def test_commands_of_the_guide_run_and_print_what_it_says(root, tmp_path, program, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    guide = root / "docs" / "command-line.md"
    tried = 0
    for language, text in blocks(guide):
        if language == "python":
            exec(compile(text, str(guide), "exec"), {})
            continue
        for command, printed in commands(text):
            done = program(command, tmp_path)
            assert done.returncode == 0, f"{command}: {done.stderr}"
            if printed:
                assert rounded(done.stdout) == rounded(printed), command
            tried += 1
    assert tried == 17


def test_guide_of_the_command_line_shows_every_command(root):
    text = (root / "docs" / "command-line.md").read_text(encoding="utf-8")
    shown = {
        c.split()[1] for _, b in blocks(root / "docs" / "command-line.md") for c, _ in commands(b)
    }
    assert {"distances", "embed", "audit", "info", "metrics"} <= shown
    assert "--force" in text


@pytest.mark.parametrize(
    ("text", "expected"), [("a 0.61151\n", "a 0.612\n"), ("1 2.5 x", "1 2.5 x"), ("0.0", "0.0")]
)
def test_numbers_are_rounded(text, expected):
    assert rounded(text) == expected

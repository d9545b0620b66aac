"""One visual language: sizes, fonts, saving and the mark of simulated data."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from shapemetrics.figures import figure_style, mark_simulated, plot_accuracies, save_figure
from shapemetrics.figures.style import OKABE_ITO, finish, new_figure, ordered_colors


@pytest.fixture
def figure() -> Figure:
    with figure_style():
        drawn = new_figure(3.0, 2.0)
        axes = drawn.subplots()
        axes.plot([0, 1], [0, 1])
        axes.set_xlabel("x")
    return drawn


def digests(paths: list[Path]) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def test_a_path_without_suffix_gives_pdf_and_png_at_print_resolution(figure, tmp_path):
    # A dot inside the name is no suffix.
    written = save_figure(figure, tmp_path / "new" / "alpha_0.5")
    assert written == [tmp_path / "new" / f"alpha_0.5{s}" for s in (".pdf", ".png")]
    assert written[0].read_bytes().startswith(b"%PDF")
    with Image.open(written[1]) as image:
        assert image.size == (900, 600)
    assert sorted(p.name for p in written[0].parent.iterdir()) == [p.name for p in written]


def test_a_list_of_paths_writes_exactly_those(figure, tmp_path):
    written = save_figure(figure, [str(tmp_path / "a.svg"), tmp_path / "b.PNG"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.svg", "b.PNG"]
    assert b"<dc:date>" not in written[0].read_bytes()
    assert save_figure(figure, tmp_path / "c.pdf") == [tmp_path / "c.pdf"]


def test_files_say_where_a_figure_comes_from(figure, tmp_path):
    written = save_figure(figure, tmp_path / "a", description="made by a test")
    assert b"/Subject (made by a test)" in written[0].read_bytes()
    with Image.open(written[1]) as image:
        assert image.text["Description"] == "made by a test"
    (svg,) = save_figure(figure, tmp_path / "a.svg", description="made by a test")
    assert "made by a test" in svg.read_text()


def test_an_unknown_suffix_is_refused_before_anything_is_written(figure, tmp_path):
    with pytest.raises(ValueError, match=r"b\.jpeg.*expected one of \.pdf, \.png, \.svg"):
        save_figure(figure, [tmp_path / "a.pdf", tmp_path / "b.jpeg"])
    assert list(tmp_path.iterdir()) == []


def test_a_failing_save_leaves_the_old_file_and_no_other(figure, tmp_path, monkeypatch):
    target = tmp_path / "figure.png"
    target.write_bytes(b"old")

    def half(path, **kwargs):
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(figure, "savefig", half)
    with pytest.raises(OSError, match="disk full"):
        save_figure(figure, [target])
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_saving_twice_gives_the_same_bytes(figure, tmp_path):
    names = ("a.pdf", "a.png", "a.svg")
    first = save_figure(figure, [tmp_path / name for name in names])
    second = save_figure(figure, [tmp_path / "again" / name for name in names])
    assert digests(first) == digests(second)


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_process(tmp_path):
    program = textwrap.dedent(
        """
        import sys
        import numpy as np, pandas as pd
        from shapemetrics.figures import plot_accuracies, save_figure
        accuracy = np.linspace(0.7, 0.99, 40)
        table = pd.DataFrame({"test_accuracy": accuracy, "depth": np.arange(40) % 5,
                              "trainable_parameters": 1000 * 1.1 ** np.arange(40)})
        figure = plot_accuracies(table, title="α β", simulated=True)
        save_figure(figure, [sys.argv[1] + s for s in (".pdf", ".png", ".svg")])
        assert "matplotlib.pyplot" not in sys.modules
        """
    )
    found = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": seed * 9}
        stem = tmp_path / f"figure{seed}"
        subprocess.run([sys.executable, "-c", program, str(stem)], check=True, env=environment)
        found.append(digests([stem.with_suffix(s) for s in (".pdf", ".png", ".svg")]))
    assert found[0] == found[1]


def test_pdf_text_is_truetype_in_the_carried_font(figure, tmp_path):
    (written,) = save_figure(figure, [tmp_path / "a.pdf"])
    content = written.read_bytes()
    assert b"/CIDFontType2" in content or b"/Subtype /TrueType" in content
    assert b"DejaVuSans" in content
    assert b"/Type3" not in content
    assert b"CreationDate" not in content


def test_plots_neither_obey_nor_change_the_users_settings(networks, tmp_path):
    def drawn(name: str) -> list[str]:
        return digests(save_figure(plot_accuracies(networks), [tmp_path / f"{name}.png"]))

    plain = drawn("plain")
    with matplotlib.rc_context({"font.size": 20, "axes.grid": True, "lines.linewidth": 9}):
        before = dict(matplotlib.rcParams)
        assert drawn("under other settings") == plain
        assert dict(matplotlib.rcParams) == before


def test_the_mark_takes_a_strip_of_its_own_and_is_put_once(figure, clashes):
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    inches = figure.axes[0].get_window_extent().extents / figure.dpi
    mark_simulated(figure)
    mark_simulated(figure)
    marks = [text for text in figure.texts if text.get_text() == "simulated data"]
    assert len(marks) == 1
    figure.draw_without_rendering()
    after = figure.axes[0].get_window_extent().extents / figure.dpi
    assert figure.get_size_inches()[0] == width
    assert 0.1 < figure.get_size_inches()[1] - height < 0.4
    np.testing.assert_allclose(after, inches, atol=0.02)
    box = marks[0].get_window_extent(figure.canvas.get_renderer())
    assert box.y0 / figure.dpi > height
    assert clashes(figure) == []


def test_a_figure_without_layout_engine_is_marked_above_its_axes():
    drawn = Figure(figsize=(3, 2))
    axes = drawn.add_axes((0.2, 0.2, 0.7, 0.8))
    mark_simulated(drawn)
    top = axes.get_position().y1 * drawn.get_size_inches()[1]
    assert top == pytest.approx(2.0)
    assert drawn.get_size_inches()[1] > 2.1


@pytest.mark.parametrize("title", ["short", "a title of many words " * 6])
def test_title_and_mark_do_not_meet(figure, clashes, texts, title):
    finish(figure, title.strip(), simulated=True)
    assert clashes(figure) == []
    shown = [text.replace("\n", " ") for text in texts(figure)]
    assert title.strip() in shown
    assert shown.count("simulated data") == 1


def test_ordered_colors_rise_in_lightness_and_stay_visible():
    rgb = np.array(ordered_colors(5))[:, :3]
    luminance = rgb @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > 0.05).all()
    assert luminance.max() < 0.85
    assert len(set(OKABE_ITO.values())) == 8

"""A matrix recovered from figures is the one that was drawn, or it is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matrix_figures import draw
from scipy.spatial.distance import cdist

from shapemetrics.datasets.distances.authors_allen import recover_distances, region_covariates
from shapemetrics.datasets.distances.drawn import drawn_tree, grey_levels, labelled_points
from shapemetrics.datasets.distances.naming import (
    fitted_scale,
    name_rows,
    order_pairs,
    ward_heights,
)
from shapemetrics.datasets.distances.pdf import read_figure


def test_matrix_and_names_come_back_to_a_grey_level(drawn):
    levels = grey_levels(read_figure(drawn.heat_map))
    tree = drawn_tree(read_figure(drawn.dendrogram))
    assert sorted(tree.names) == sorted(drawn.names)
    above = drawn.distances[np.triu_indices_from(drawn.distances, 1)]
    scale = fitted_scale(levels, tree)
    assert scale.smallest == pytest.approx(above.min(), abs=1e-5)
    assert scale.largest == pytest.approx(above.max(), abs=scale.step)
    found = scale.distances(levels)
    naming = name_rows(found, tree, enough=scale.step)
    assert naming.rms < scale.step
    found = found[np.ix_(naming.rows, naming.rows)]
    places = labelled_points(read_figure(drawn.points), tree.names)
    pairs = order_pairs(found, tree.pairs, places)
    assert min(pairs.exchanged) > 1.1 * pairs.rms
    found = found[np.ix_(pairs.order, pairs.order)]
    at = [drawn.names.index(name) for name in tree.names]
    # Half a step from the middle of a level, and one where Matplotlib draws a level too dark.
    np.testing.assert_allclose(found, drawn.distances[np.ix_(at, at)], atol=1.6 * scale.step)


def test_heights_are_those_of_ward(drawn):
    tree = drawn_tree(read_figure(drawn.dendrogram))
    at = [drawn.names.index(name) for name in tree.names]
    heights = ward_heights(drawn.distances[np.ix_(at, at)], tree)
    np.testing.assert_allclose(heights, tree.heights, atol=1e-4)


def test_the_search_finds_the_order_from_a_bad_start(drawn, rng):
    tree = drawn_tree(read_figure(drawn.dendrogram))
    at = np.array([drawn.names.index(name) for name in tree.names])
    shuffled = rng.permutation(len(at))
    matrix = drawn.distances[np.ix_(at[shuffled], at[shuffled])]
    naming = name_rows(matrix, tree, enough=1e-4)
    again = shuffled[naming.rows]
    pair_of = {i: set(pair) for pair in tree.pairs for i in pair}
    assert naming.rms < 1e-4
    assert all(found in pair_of.get(leaf, {leaf}) for leaf, found in enumerate(again))


def test_figures_of_another_matrix_are_refused_with_the_residual(drawn, tmp_path, rng):
    points = rng.normal(size=(len(drawn.names), 5))
    other = draw(tmp_path, cdist(points, points), drawn.names, points[:, :2])
    with pytest.raises(
        ValueError, match=r"no order of its rows that gives the tree .*expected at most one grey"
    ):
        recover_distances(drawn.heat_map, other.dendrogram, drawn.points)


def test_tables_know_how_they_were_recovered(drawn):
    table = recover_distances(*drawn.paths)
    recovery = table.provenance["recovery"]
    assert recovery["heights_rms"] < recovery["grey_step"]
    assert recovery["pairs_max"] < recovery["grey_step"]
    assert set(table.provenance["inputs"]) == {path.name for path in drawn.paths}
    assert table.covariates["structure_acronym"].tolist() == table.ids


def test_heat_map_must_be_symmetric_and_grey(drawn, tmp_path, rng):
    crooked = drawn.distances + np.triu(rng.uniform(0, 5, drawn.distances.shape), 1)
    figure = read_figure(draw_heat_map(tmp_path / "crooked.pdf", crooked, "gray"))
    with pytest.raises(ValueError, match="expected a symmetric matrix"):
        grey_levels(figure)
    figure = read_figure(draw_heat_map(tmp_path / "blue.pdf", drawn.distances, "viridis"))
    with pytest.raises(ValueError, match="found colours, expected levels of grey"):
        grey_levels(figure)
    light = drawn.distances + 3 * np.eye(len(drawn.distances))
    figure = read_figure(draw_heat_map(tmp_path / "light.pdf", light, "gray"))
    with pytest.raises(ValueError, match=r"on the diagonal, expected black \(0\)"):
        grey_levels(figure)
    with pytest.raises(ValueError, match="found 0 images, expected 1"):
        grey_levels(read_figure(drawn.points))


def draw_heat_map(path, matrix, cmap):
    """A heat map by itself."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6))
    figure.subplots().imshow(matrix, cmap=cmap)
    figure.savefig(path)
    return path


def test_files_that_are_no_such_figures_are_named(drawn, tmp_path):
    (tmp_path / "text.pdf").write_text("no figure")
    with pytest.raises(ValueError, match=r"text\.pdf: no figure .* expected %PDF-"):
        read_figure(tmp_path / "text.pdf")
    content = drawn.dendrogram.read_bytes()
    (tmp_path / "cut.pdf").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"cut\.pdf: no figure .*startxref"):
        read_figure(tmp_path / "cut.pdf")
    with pytest.raises(ValueError, match="dendrogram: found"):
        drawn_tree(read_figure(drawn.heat_map))
    with pytest.raises(ValueError, match="map: found the label 'nowhere' 0 times"):
        labelled_points(read_figure(drawn.points), ["nowhere"])


@pytest.mark.parametrize("seed", range(5))
def test_damaged_figures_are_refused_or_read(drawn, tmp_path, seed):
    """A byte changed anywhere gives one clear error, or a figure; nothing else."""
    rng = np.random.default_rng(seed)
    content = bytearray(drawn.dendrogram.read_bytes())
    messages = []
    for _ in range(20):
        changed = bytearray(content)
        changed[int(rng.integers(len(content)))] = int(rng.integers(256))
        (tmp_path / "x.pdf").write_bytes(changed)
        try:
            read_figure(tmp_path / "x.pdf")
        except ValueError as error:
            messages.append(str(error))
    assert messages
    assert all(re.match(r".*x\.pdf: no figure that can be read as .*$", m) for m in messages)


def test_what_the_ontology_says_of_regions():
    table = region_covariates(["VISp2/3", "LGd-sh", "DG-sg", "MGv", "TH"]).set_index(
        "structure_acronym"
    )
    assert table["area"].to_dict() == {
        "VISp2/3": "VISp",
        "LGd-sh": "LGd",
        "DG-sg": "DG",
        "MGv": "MG",
        "TH": "TH",
    }
    assert table.loc["VISp2/3", ["division", "cortical_layer", "hierarchy_rule"]].tolist() == [
        "Isocortex",
        "2/3",
        "of_area",
    ]
    assert np.isnan(table.loc["TH", "hierarchy_score"])

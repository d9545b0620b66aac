"""Captions as Snakemake renders them, for datasets of a user's own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

jinja2 = pytest.importorskip("jinja2")
core = pytest.importorskip("docutils.core")

FILES = {
    "kind": "files",
    "folder": "networks",
    "color": None,
    "dendrogram": None,
    "simulated": True,
}
CONFIG = {
    "datasets": {
        "nasbench": {"enabled": False},
        "mine": FILES,
        "forests": {"kind": "python", "class": "my_dataset:MyDataset", "color": "depth"},
    },
    "metrics": {
        "procrustes": {"family": "linear", "alpha": 1.0},
        "cca": {"family": "linear", "alpha": 0.0, "n_components": 10},
    },
    "analyses": {},
}
WILDCARDS = {"dataset": "mine", "metric": "procrustes", "target": "test_score"}


def rendered(root, name: str) -> tuple[str, str]:
    text = (root / "report" / f"{name}.rst").read_text(encoding="utf-8")
    # The options of Snakemake's report.
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    snakemake = SimpleNamespace(wildcards=SimpleNamespace(**WILDCARDS), config=CONFIG)
    text = environment.from_string(text).render(snakemake=snakemake)
    settings = {"halt_level": 2, "report_level": 2, "warning_stream": False}
    return text, core.publish_parts(text, writer="html", settings_overrides=settings)["body"]


@pytest.mark.parametrize(
    "name", ["embedding", "dendrogram", "covariates", "regression", "predictions", "workflow"]
)
def test_a_caption_renders_without_complaint(root, name: str) -> None:
    text, body = rendered(root, name)
    assert "None" not in body
    assert "{" not in body
    assert "mine" in text


def test_captions_name_the_target(root) -> None:
    assert "How well test score of" in rendered(root, "regression")[0]
    assert "Held-out predictions of test score" in rendered(root, "predictions")[0]


def test_the_report_lists_own_datasets_and_says_what_is_simulated(root) -> None:
    _, body = rendered(root, "workflow")
    assert body.count("<li>") == 4
    assert "representations in files of networks" in body
    assert "simulated, and every figure says so" in body
    assert "my_dataset:MyDataset" in body

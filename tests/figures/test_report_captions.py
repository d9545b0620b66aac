"""Captions of the report: valid jinja and reStructuredText, whatever the configuration holds."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

jinja2 = pytest.importorskip("jinja2")
core = pytest.importorskip("docutils.core")

CAPTIONS = (
    "accuracies agreement audit baselines classification dendrogram distortion embedding "
    "predictions regression samples shift_gain shift_maps"
)
CONFIGS = {
    "empty": {},
    "full": {
        "analyses": {
            "embedding": {"n_components": 17},
            "clustering": {"method": "ward"},
            "regression": {
                "target": "log_error",
                "n_outer": 5,
                "n_inner": 6,
                "n_repeats": 3,
                "n_permutations": 211,
                "n_bootstrap": 1000,
            },
            "classification": {"n_outer": 4, "n_inner": 3, "n_permutations": 53},
        },
        "datasets": {"nasbench": {"color": "test_accuracy", "dendrogram": "pool_trained"}},
    },
}


def rendered(root, name: str, config: dict) -> str:
    text = (root / "report" / f"{name}.rst").read_text(encoding="utf-8")
    snakemake = SimpleNamespace(
        wildcards=SimpleNamespace(dataset="nasbench", metric="procrustes"), config=config
    )
    return jinja2.Environment().from_string(text).render(snakemake=snakemake)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("name", CAPTIONS.split())
def test_a_caption_renders_without_complaint(root, name, config):
    text = rendered(root, name, CONFIGS[config])
    settings = {"halt_level": 2, "report_level": 2, "warning_stream": False}
    body = core.publish_parts(text, writer="html", settings_overrides=settings)["body"]
    assert "<em>nasbench</em>" in body
    assert "{" not in body
    assert "None" not in body
    assert 200 < len(text) < 1500
    assert ".  " not in text
    assert " ." not in text.replace("\n", " ")


def test_captions_say_the_settings(root):
    full = CONFIGS["full"]
    assert "in 17 dimensions" in rendered(root, "embedding", full).replace("\n", " ")
    assert "procrustes" in rendered(root, "embedding", full)
    assert "ward linkage" in rendered(root, "dendrogram", full)
    assert "pool_trained" in rendered(root, "dendrogram", full)
    assert "211" in rendered(root, "regression", full)
    assert "log error" in rendered(root, "predictions", full)
    assert "53" in rendered(root, "classification", full)

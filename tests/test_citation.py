"""CITATION.cff: what the Citation File Format 1.2.0 asks for, and true of this version."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
import yaml


@pytest.fixture(scope="module")
def citation(root) -> dict:
    return yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project(root) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_software_is_the_one_of_this_checkout(root, citation, project):
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert citation["version"] == project["version"]
    codemeta = json.loads((root / "codemeta.json").read_text(encoding="utf-8"))
    assert codemeta["version"] == project["version"]
    assert codemeta["description"] == project["description"]
    assert codemeta["author"][0]["name"] == citation["authors"][0]["name"]
    assert str(citation["date-released"]) == codemeta["datePublished"]
    assert citation["license"] == project["license"]
    assert citation["title"].split(":")[0] == project["name"]


def test_every_author_has_a_name(citation):
    for work in (citation, *citation["references"]):
        assert work["authors"]
        for author in work["authors"]:
            assert "name" in author or {"given-names", "family-names"} <= set(author)


def test_every_citation_of_the_article_has_its_entry(root):
    text = (root / "paper" / "paper.md").read_text(encoding="utf-8")
    entries = re.findall(r"^@\w+\{(\w+),", (root / "paper" / "paper.bib").read_text(), re.MULTILINE)
    cited = set(re.findall(r"\[?@(\w+)", text))
    assert cited == set(entries)
    assert len(entries) == len(set(entries))


def test_keys_are_those_of_the_format(citation):
    known = {
        *("abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi"),
        *("identifiers", "keywords", "license", "license-url", "message", "preferred-citation"),
        *("references", "repository", "repository-artifact", "repository-code", "title", "type"),
        *("url", "version"),
    }
    assert set(citation) <= known
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert len(set(citation["keywords"])) == len(citation["keywords"])


def test_the_paper_is_cited_as_it_was_published(citation):
    (paper,) = citation["references"]
    assert {"type", "title", "authors"} <= set(paper)
    assert paper["type"] == "conference-paper"
    names = [author["family-names"] for author in paper["authors"]]
    assert names == ["Williams", "Kunz", "Kornblith", "Linderman"]
    assert (paper["year"], paper["volume"], paper["start"], paper["end"]) == (2021, 34, 4738, 4750)
    assert re.fullmatch(r"https://arxiv\.org/abs/2110\.14739", paper["url"])
    for identifier in paper["identifiers"]:
        assert identifier["type"] in ("doi", "other", "swh", "url")
        assert isinstance(identifier["value"], str)

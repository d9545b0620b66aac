"""The explorer as its user meets it: pointer and keyboard in headless Chromium, no network."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import pdist, squareform

from shapemetrics.explorer import CellGraph, View, write_explorer

pytestmark = pytest.mark.slow

N = 30
X = np.random.default_rng(5).normal(size=(N, 3))
D = squareform(pdist(X))
IDS = [f"net{k:02d}" for k in range(N)]
EVIL = "<img src=x onerror=alert(1)>"


def views() -> list[View]:
    facts = pd.DataFrame(
        {
            "accuracy": np.linspace(0.5, 0.9, N),
            "kind": ["conv", "pool", "other"] * (N // 3),
            "network": IDS,
        }
    )
    common = {
        "ids": IDS,
        "coordinates": X,
        "linkage": linkage(pdist(X), "average"),
        "covariates": facts,
        "unit": "rad",
    }
    regions = facts.rename(columns={"network": "region"}).assign(region=EVIL)
    return [
        View("nets", "pool", "procrustes", distances=D, simulated=False, **common),
        View("nets", "pool", "cca", distances=D**2, simulated=False, **common),
        View(
            *("brain", "regions", "procrustes"),
            distances=D,
            simulated=True,
            **{**common, "covariates": regions},
        ),
    ]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if found is None:
        pytest.skip("needs Chromium (on Debian: apt-get install chromium)")
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("a page é") / "explorer.html"
    cell = CellGraph([[0, 1, 1], [0, 0, 1], [0, 0, 0]], ["input", "conv3x3-bn-relu", "output"])
    write_explorer(views(), path, graphs={"nets": dict.fromkeys(IDS, cell)})
    return path


@pytest.fixture(params=[1280, 900])
def page(browser, file, request):
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    page.heard = []
    page.on("console", lambda message: page.heard.append(message.text))
    page.on("pageerror", lambda error: page.heard.append(str(error)))
    page.on("request", lambda asked: page.heard.append(asked.url))
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready=true]")
    yield page
    # Nothing was asked for but the file itself, and nothing went wrong.
    assert page.heard == [file.as_uri()]
    page.close()


def traces(page) -> list[dict]:
    return page.evaluate(
        "document.getElementById('scatter').data.map((t) => ({name: t.name, n: t.x.length,"
        " color: t.marker.color, items: t.customdata}))"
    )


def point(page, item: int) -> tuple[float, float]:
    """Place of an item on the screen."""
    page.locator("#scatter").scroll_into_view_if_needed()
    x, y = page.evaluate(
        """(item) => {
        const plot = document.getElementById('scatter'), box = plot.getBoundingClientRect();
        const trace = plot.data.find((t) => t.customdata && t.customdata.includes(item));
        const k = trace.customdata.indexOf(item), l = plot._fullLayout;
        return [box.left + l.xaxis._offset + l.xaxis.c2p(trace.x[k]),
                box.top + l.yaxis._offset + l.yaxis.c2p(trace.y[k])];
        }""",
        item,
    )
    return x, y


def neighbours(page) -> list[str]:
    return page.locator("#neighbours button").all_inner_texts()


def expected(item: int, distances: np.ndarray = D) -> list[str]:
    return [IDS[k] for k in np.argsort(distances[item], kind="stable")[1:9]]


def test_every_panel_holds_something(page):
    assert sum(trace["n"] for trace in traces(page) if trace["name"] != "marked") == N
    assert page.evaluate("document.getElementById('heat').data[0].z.length") == N
    assert page.evaluate("document.getElementById('tree').data[0].x.length") == 5 * (N - 1)
    assert page.locator("#simulated").is_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_pointing_shows_the_cell_and_the_facts(page):
    page.mouse.move(*point(page, 7))
    page.wait_for_selector("#item svg")
    assert "net07" in page.inner_text("#item")
    assert page.locator("#item svg text").all_text_contents() == ["input", "conv3x3", "output"]
    assert page.locator("#item svg path[marker-end]").count() == 3
    assert "accuracy" in page.inner_text("#item")


def test_a_click_lists_the_nearest_neighbours(page):
    page.mouse.click(*point(page, 11))
    page.wait_for_selector("#neighbours button")
    assert neighbours(page) == expected(11)
    page.locator("#neighbours button").first.click()
    nearest = IDS.index(expected(11)[0])
    assert neighbours(page) == expected(nearest)
    page.select_option("#metric", "cca")
    assert neighbours(page) == expected(nearest, D**2)


def test_colours_follow_the_covariate(page):
    assert isinstance(traces(page)[0]["color"], list)
    page.select_option("#color", "kind")
    groups = [trace for trace in traces(page) if trace["name"] != "marked"]
    assert [group["name"] for group in groups] == ["conv", "other", "pool"]
    assert len({group["color"] for group in groups}) == 3
    page.select_option("#color", "")
    assert len([trace for trace in traces(page) if trace["name"] != "marked"]) == 1


def test_filters_leave_what_fits(page):
    page.fill("#search", "net1")
    assert traces(page)[0]["n"] == 10
    page.fill("#search", "")
    page.select_option("#filter", "accuracy")
    page.fill("#filter-low", "0.8")
    assert traces(page)[0]["n"] == int((np.linspace(0.5, 0.9, N) >= 0.8).sum())
    page.select_option("#filter", "kind")
    page.select_option("#filter-value", "pool")
    assert traces(page)[0]["n"] == N // 3
    assert f"{N // 3} of {N} items" in page.inner_text("#scatter-title")
    page.click("#reset")
    assert traces(page)[0]["n"] == N


def test_the_keyboard_does_what_the_pointer_does(page):
    page.focus("#scatter")
    order = list(np.argsort(X[:, 0], kind="stable"))
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert IDS[order[2]] in page.inner_text("#item")
    assert IDS[order[2]] in page.text_content("#live")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert neighbours(page) == expected(int(order[1]))
    page.keyboard.press("Escape")
    assert neighbours(page) == []
    # Every control has a name that a screen reader can say.
    unnamed = page.evaluate(
        "[...document.querySelectorAll('select,input')]"
        ".filter((e) => !e.labels.length && !e.ariaLabel).length"
    )
    assert unnamed == 0


def test_simulated_data_say_so_on_every_panel(page):
    page.select_option("#dataset", "brain")
    assert page.locator("#simulated").is_visible()
    for title in ("#scatter-title", "#item-title", "#heat-title"):
        assert "(simulated)" in page.inner_text(title)
    for chart in ("scatter", "tree", "heat"):
        marks = page.evaluate(f"document.getElementById('{chart}').layout.annotations[0].text")
        assert marks == "simulated"


def test_markup_in_the_data_is_shown_as_text(page):
    page.select_option("#dataset", "brain")
    page.focus("#scatter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert EVIL in page.inner_text("#item")
    assert page.locator("#item img").count() == 0

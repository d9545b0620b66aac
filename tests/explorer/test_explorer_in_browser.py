"""The explorer as its user meets it: pointer and keyboard in headless Chromium, no network."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import pdist, squareform

from shapemetrics.explorer import CellGraph, View, write_explorer

pytestmark = pytest.mark.slow

N = 30
X = np.random.default_rng(5).normal(size=(N, 3))
D = squareform(pdist(X))
IDS = [f"net{k:02d}" for k in range(N)]
EVIL = "<img src=x onerror=alert(1)>"
LINK = '<a href="https://example.org">kind</a>'


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
    regions = facts.rename(columns={"network": "region"}).assign(
        region=EVIL, kind=[LINK, *["other"] * (N - 1)]
    )
    return [
        View("nets", "pool", "procrustes", distances=D, simulated=False, **common),
        View("nets", "pool", "cca", distances=D**2, simulated=False, **common),
        View(
            *("brain", "regions", "procrustes"),
            distances=D,
            simulated=True,
            # Names that every object of JavaScript has.
            **{**common, "ids": ["constructor", *IDS[1:]], "covariates": regions},
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
    try:
        tool = playwright.sync_playwright().start()
    except Exception as error:  # its driver brings a Node.js that needs a library of the system
        pytest.skip(f"Playwright does not start ({error}); on Debian: apt-get install libatomic1")
    try:
        browser = tool.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()
    finally:
        tool.stop()


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("a page é") / "explorer.html"
    cell = CellGraph([[0, 1, 1], [0, 0, 1], [0, 0, 0]], ["input", "conv3x3-bn-relu", "output"])
    write_explorer(views(), path, graphs={"nets": dict.fromkeys(IDS, cell)})
    return path


@pytest.fixture(params=[1280, 900])
def page(browser, file, request):
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    heard = listened(page)
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready=true]")
    yield page
    # Nothing was asked for but the file itself, and nothing went wrong.
    assert heard == [file.as_uri()]
    page.close()


def listened(page) -> list[str]:
    """What the page asks for and complains of; not what a machine without a GPU says of drawing."""
    heard: list[str] = []

    def hear(message):
        slow = message.type == "warning" and any(
            part in message.text for part in ("GL Driver Message", "willReadFrequently", "WebGL")
        )
        if not slow:
            heard.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda asked: heard.append(asked.url))
    return heard


def traces(page) -> list[dict]:
    return page.evaluate(
        "document.getElementById('scatter').data.map((t) => ({name: t.name, n: t.x.length,"
        " type: t.type, color: t.marker.color, items: t.customdata}))"
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


def marked(page, chart: str) -> int:
    """How many items a chart marks."""
    shapes = page.evaluate(f"(document.getElementById('{chart}').layout.shapes ?? []).length")
    return shapes // 2 if chart == "heat" else shapes


def leaf(page, place: int) -> tuple[float, float]:
    """Where a leaf of the dendrogram is on the screen."""
    page.locator("#tree").scroll_into_view_if_needed()
    x, y = page.evaluate(
        """(place) => {
        const plot = document.getElementById('tree'), box = plot.getBoundingClientRect();
        const l = plot._fullLayout;
        return [box.left + l.xaxis._offset + l.xaxis.c2p(place),
                box.top + l.yaxis._offset + l.yaxis.c2p(0) - 1];
        }""",
        place,
    )
    return x, y


def tile(page, row: int, column: int) -> tuple[float, float]:
    """Where an entry of the heat map is on the screen."""
    page.locator("#heat").scroll_into_view_if_needed()
    x, y = page.evaluate(
        """([row, column]) => {
        const plot = document.getElementById('heat'), box = plot.getBoundingClientRect();
        const l = plot._fullLayout;
        return [box.left + l.xaxis._offset + l.xaxis.c2p(column),
                box.top + l.yaxis._offset + l.yaxis.c2p(row)];
        }""",
        [row, column],
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


def test_so_many_neighbours_as_asked_for(page):
    page.mouse.click(*point(page, 11))
    page.wait_for_selector("#neighbours button")
    page.fill("#count", "3")
    assert neighbours(page) == expected(11)[:3]
    assert [marked(page, chart) for chart in ("scatter", "tree", "heat")] == [4, 4, 1]
    page.fill("#count", "")
    assert len(neighbours(page)) == 8


def test_charts_point_at_one_another(page):
    order = leaves_list(linkage(pdist(X), "average"))
    page.mouse.move(*leaf(page, 12))
    page.wait_for_function(
        f"document.getElementById('item').innerText.includes('net{order[12]:02d}')"
    )
    assert [marked(page, chart) for chart in ("scatter", "tree", "heat")] == [1, 1, 1]
    page.mouse.click(*leaf(page, 12))
    page.wait_for_selector("#neighbours button")
    assert neighbours(page) == expected(int(order[12]))
    page.click("#reset")
    page.mouse.move(*tile(page, 4, 20))
    page.wait_for_function(
        f"document.getElementById('item').innerText.includes('net{order[4]:02d}')"
    )
    assert [marked(page, chart) for chart in ("scatter", "tree", "heat")] == [2, 2, 2]
    page.mouse.click(*tile(page, 4, 20))
    page.wait_for_selector("#neighbours button")
    assert neighbours(page) == expected(int(order[4]))


def test_a_third_axis_shows_space(page):
    page.select_option("#axis-z", "2")
    page.wait_for_selector("#scatter canvas")
    assert {trace["type"] for trace in traces(page)} == {"scatter3d"}
    page.focus("#scatter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert neighbours(page) == expected(int(X[:, 0].argmin()))
    assert next(trace["n"] for trace in traces(page) if trace["name"] == "marked") == 9
    page.select_option("#axis-z", "")
    assert {trace["type"] for trace in traces(page)} == {"scatter"}
    assert marked(page, "scatter") == 9


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
    # What is not shown is not marked either.
    page.focus("#scatter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    shown = set(range(1, N, 3))
    first = min(shown, key=lambda k: X[k, 0])
    near = {IDS.index(name) for name in expected(first)}
    assert marked(page, "scatter") == 1 + len(near & shown)
    page.fill("#search", "nowhere")
    assert page.locator("#nothing").is_visible()
    page.click("#reset")
    assert traces(page)[0]["n"] == N
    assert page.locator("#nothing").is_hidden()


def test_a_filter_changes_no_colours(page):
    bar = "(({cmin, cmax}) => [cmin, cmax])(document.getElementById('scatter').data[0].marker)"
    page.fill("#search", "net1")
    assert page.evaluate(bar) == [0.5, 0.9]


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
    for title in ("#scatter-title", "#item-title", "#near-title", "#heat-title"):
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
    page.select_option("#color", "kind")
    assert LINK in page.locator("#scatter .legendtext").all_text_contents()
    assert page.locator("#scatter a[href*=example]").count() == 0


def test_an_item_called_like_a_property_has_no_graph(page):
    page.select_option("#dataset", "brain")
    page.mouse.move(*point(page, 0))
    page.wait_for_function("document.getElementById('item').innerText.includes('constructor')")
    assert page.locator("#item svg").count() == 0


def test_many_items_know_their_neighbours(browser, tmp_path):
    rng = np.random.default_rng(8)
    n = 450
    X = rng.normal(size=(n, 3))
    D = squareform(pdist(X))
    ids = [f"item{k}" for k in range(n)]
    facts = pd.DataFrame({"size": range(n)})
    view = View("many", "all", "euclidean", ids, X, D, linkage(X, "average"), facts, False)
    write_explorer([view], tmp_path / "page.html")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    heard = listened(page)
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_selector("body[data-ready=true]")
    assert page.evaluate("document.getElementById('heat').data[0].z.length") == 400
    assert "400 of 450 items" in page.inner_text("#heat-hint")
    page.focus("#scatter")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    item = int(np.argsort(X[:, 0])[3])
    assert neighbours(page) == [ids[k] for k in np.argsort(D[item])[1:9]]
    assert len(heard) == 1
    page.close()


def test_an_old_browser_is_told(browser, file):
    page = browser.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(file.as_uri())
    page.wait_for_function("document.getElementById('waiting').innerText.includes('Firefox 113')")
    assert page.locator("main").is_hidden()
    page.close()

"""The site in a real browser, from disk: what a reader does there works, with a phone too, and nothing complains.

Needs playwright (`pip install playwright`) and a Chromium on the PATH; the accessibility check also
needs axe-core (`npm install axe-core` in the checkout, or its axe.min.js named by AXE_CORE).
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from restobench.leaderboard.table import build
from restobench.results import all_runs
from tests.leaderboard.pictured import IDS, pairs, pictured
from tests.leaderboard.test_assemble import published
from tests.leaderboard.test_published import cell

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = Path(os.environ.get("AXE_CORE") or Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js")
SIZES = {"phone": {"width": 390, "height": 780}, "desktop": {"width": 1280, "height": 900}}
QUIET = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, session_home: Path) -> Path:
    """Three methods, two of them positions of one knob, with a number that a paper prints."""
    root = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESTOBENCH_HOME", str(session_home))
        data = pairs(root / "pairs")
        pictured(root / "runs", data, "plain")
        for steps, better in ((4, 1.0), (9, 3.0)):
            folder = pictured(root / "runs", data, f"sharp-{steps}", better=better, settings={"steps": steps})
            run = folder.read_run()
            folder.write_run(run | {"determinants": run["determinants"] | {"method": "sharp"}})
        printed = published(cell(method="Theirs", dataset="pairs", value="26.50"))
        return build(all_runs(root / "runs"), root, published=printed, site=True).paths[-1].parent


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        # As root, in a container, Chromium runs without its own sandbox or not at all.
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        started = driver.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *sandbox])
        yield started
        started.close()


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, browser: Any) -> Iterator[Any]:
    """A page of either size; what it complains of fails the test."""
    context = browser.new_context(viewport=SIZES[request.param], has_touch=request.param == "phone")
    context.set_default_timeout(30_000)  # of a busy machine
    opened = context.new_page()
    complaints: list[str] = []

    def hear(message: Any) -> None:
        # Chromium also tells what it does by itself: that it puts pictures off, that the machine is slow.
        if message.type in ("error", "warning") and not message.text.startswith("[Intervention]"):
            complaints.append(f"{message.type}: {message.text}")

    opened.on("console", hear)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("requestfailed", lambda request: complaints.append(f"{request.url}: {request.failure}"))
    yield opened
    # What is cut off because its page is closed is no complaint: so nothing is cut off, and nothing is heard then.
    opened.wait_for_load_state("load")
    heard = list(complaints)
    context.close()
    # Nor is a picture that was still loading when its page was left.
    assert not [complaint for complaint in heard if "ERR_ABORTED" not in complaint]


def address(site: Path, pattern: str, state: str = "") -> str:
    (path,) = site.glob(pattern)
    return path.as_uri() + state


def follow_first(page: Any) -> None:
    """To the first sample's page, until it is whole: its script has then read the address."""
    with page.expect_navigation():
        page.locator("#grid a").first.click()


def names(page: Any) -> list[str]:
    return [text.split("\n")[0] for text in page.locator("#board tbody tr:visible th").all_inner_texts()]


def test_every_page_opens_without_a_complaint_and_fits_its_width(page: Any, site: Path) -> None:
    """Every link of every page is followed; only tables scroll sideways."""
    wanted, seen = [address(site, "index.html")], set()
    while wanted:
        url = wanted.pop()
        seen.add(url)
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), url
        links = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href.split('#')[0])")
        wanted += [link for link in set(links) if link not in seen and link not in wanted]

    assert len(seen) == 4 + len(IDS)


def test_the_table_sorts_and_filters_and_its_address_says_so(page: Any, site: Path) -> None:
    """By mouse and by keyboard; whoever is sent the address sees the same."""
    page.goto(address(site, "tables/*.html"))
    first = names(page)

    page.get_by_role("button", name="psnr").click()
    assert names(page) == ["sharp-9", "Theirs†", "sharp-4", "plain"]
    page.get_by_role("button", name="psnr").press("Enter")
    assert names(page) == ["plain", "sharp-4", "Theirs†", "sharp-9"]
    assert page.locator("th[aria-sort=ascending]").count() == 1
    page.get_by_label("Methods with").fill("SHARP")
    assert set(names(page)) == {"sharp-4", "sharp-9"}
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("lpips-alex", exact=True).uncheck()
    assert page.get_by_role("button", name="lpips").count() == 0

    state = page.url
    page.goto("about:blank")
    page.goto(state)
    assert names(page) == ["sharp-4", "sharp-9"]
    assert page.get_by_role("button", name="lpips").count() == 0
    page.goto(state.split("#")[0] + "#")
    assert names(page) == first


def test_a_number_tells_where_it_comes_from(page: Any, site: Path) -> None:
    """In a dialog that the keyboard closes, and that a link opens."""
    page.goto(address(site, "tables/*.html"))

    page.locator("[data-cell='plain.psnr']").press("Enter")
    dialog = page.get_by_role("dialog")
    assert "restobench|v1|data:pairs@folder|metric:psnr" in dialog.inner_text()
    assert page.url.endswith("#cell=plain.psnr")
    page.keyboard.press("Escape")
    assert dialog.count() == 0
    assert page.evaluate("document.activeElement.dataset.cell") == "plain.psnr"
    page.goto(address(site, "tables/*.html", "#cell=sharp-9.lpips-alex"))
    assert "sharp-9, lpips-alex" in page.get_by_role("dialog").inner_text()


def test_plots_show_methods_intervals_fronts_and_sweeps(page: Any, site: Path) -> None:
    """Their axes can be chosen, and are a part of the address."""
    page.goto(address(site, "tables/*.html"))

    assert page.locator("#tradeoff .box").count() == 3
    assert page.locator("#tradeoff").get_by_role("img", name="lpips-alex ↓ over psnr ↑").count() == 1
    assert "On the Pareto front" in page.locator("#tradeoff").inner_text()
    assert page.locator("#speed .front").count() == 1
    assert page.locator("#sweeps polyline.line").get_attribute("points").count(",") == 2
    page.locator("#tradeoff").get_by_label("Up").select_option("psnr")
    assert "tradeoff-y=psnr" in page.url


def test_samples_are_ordered_filtered_and_tagged(page: Any, site: Path) -> None:
    """Worst and best by the metric of choice."""
    page.goto(address(site, "pairs*/index.html"))
    shown = page.locator("#grid .told")

    assert shown.first.inner_text().startswith("a")
    assert "psnr 21.50" in shown.first.inner_text()
    page.locator("#order").select_option("best")
    assert "psnr 30.25" in shown.first.inner_text()
    page.locator("#metric").select_option("lpips-alex")
    assert "lpips-alex 0.125" in shown.first.inner_text()
    page.get_by_label("kind").select_option("blur")
    assert shown.count() == 4
    assert page.get_by_role("status").inner_text() == "4 of 5 samples"
    page.reload()
    assert shown.count() == 4
    page.wait_for_function("[...document.querySelectorAll('#grid img')].every(one => one.complete && one.naturalWidth)")


def test_disagreements_are_between_two_metrics_on_two_methods(page: Any, site: Path) -> None:
    """On every other sample `sharp` has the better PSNR and the worse LPIPS."""
    page.goto(address(site, "pairs*/disagreement.html", "#one=sharp-9&two=plain&by=psnr&against=lpips-alex"))

    found = [text.split("\n")[0] for text in page.locator("#grid .told").all_inner_texts()]
    assert found == ["a", "c", "e"]
    assert page.get_by_role("status").inner_text().startswith("3 of 5 samples: sharp-9 wins by psnr, plain by lpips")
    follow_first(page)
    assert page.locator("#left").input_value() == "sharp-9"
    assert page.locator("#right").input_value() == "plain"


def test_the_slider_moves_and_every_pane_zooms_together(page: Any, site: Path) -> None:
    """By the pointer and by keys; the address keeps both."""
    page.goto(address(site, "pairs*/samples/a-*.html"))
    stage = page.locator("#stage")
    slider = page.get_by_role("slider")

    box = stage.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.8)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.8, steps=3)
    page.mouse.up()
    assert abs(int(slider.input_value()) - 25) <= 1
    slider.press("ArrowRight")
    assert abs(int(slider.input_value()) - 26) <= 1
    left = "getComputedStyle(document.querySelector('.half.left')).clipPath"
    assert re.search(r"calc\(7[345]|7[345](\.\d+)?%", page.evaluate(left))

    page.locator(".panes .pane").nth(1).press("+")
    page.get_by_role("button", name="Zoom in").click()
    stage.press("ArrowRight")
    drawn = "[...document.querySelectorAll('.pane img')].map(one => getComputedStyle(one).transform.split(',')[0])"
    assert set(page.evaluate(drawn)) == {"matrix(3"}
    page.locator("#left").select_option("plain")
    assert page.locator("a[rel=next]").get_attribute("href").endswith("#at=26&left=plain")
    state = page.url
    assert {"left=plain", "zoom=3"} <= set(state.partition("#")[2].split("&"))
    page.wait_for_function("[...document.images].every(one => one.complete)")
    page.goto("about:blank")
    page.goto(state)
    assert set(page.evaluate(drawn)) == {"matrix(3"}
    assert page.locator("#zoom").inner_text().startswith("3")
    assert "plain" in page.locator("#over-left").get_attribute("src")


def test_without_scripts_there_are_tables_links_and_pictures(browser: Any, site: Path) -> None:
    """A reader whose browser runs no scripts from disk still sees every number."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    page.goto(address(site, "tables/*.html"))
    assert "25.10" in page.locator("#board").inner_text()
    assert page.locator("#plots").is_hidden()
    page.goto(address(site, "pairs*/index.html"))
    follow_first(page)
    assert page.locator(".panes img").count() == 5
    assert page.locator("#viewer").is_hidden()
    context.close()


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not there: npm install axe-core")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_serious(browser: Any, site: Path, theme: str, size: str) -> None:
    """Names, roles, contrast, order of headings: what a program can find of what keeps people out."""
    context = browser.new_context(viewport=SIZES[size], color_scheme=theme)
    page = context.new_page()
    table = address(site, "tables/*.html")
    places = ("index.html", "pairs*/index.html", "pairs*/disagreement.html", "pairs*/samples/a-*.html")

    found = []
    for url in (table, f"{table}#cell=plain.psnr", *(address(site, place) for place in places)):
        page.goto("about:blank")
        page.goto(url)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        violations = page.evaluate("axe.run().then(result => result.violations)")
        found += [
            f"{url}: {one['id']} ({one['impact']}) {one['nodes'][0]['html'][:200]}"
            for one in violations
            if one["impact"] in ("serious", "critical", "moderate")
        ]
    context.close()

    assert not found

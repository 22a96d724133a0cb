"""The report's page in a real browser: drawn, sorted, walked through by keyboard, on a phone."""

from pathlib import Path

import pytest

import analysis
from analysis import report

pytestmark = pytest.mark.browser

#: Least contrast of text to its background (WCAG 2.2, level AA).
CONTRAST = 4.5


@pytest.fixture(scope="module")
def written(study, record_in, tmp_path_factory):
    """A report with verdicts, a sweep, and two studies side by side."""
    place = tmp_path_factory.mktemp("page")
    grids = [
        {"method": ["dense", "free-pruning", "free-flipping"]},
        {"method": "edge-popup", "density": [0.3, 0.7]},
    ]
    one = study(margin=0.5, grids=grids, method="dense", weights=["he-normal", "he-constant"])
    other = one.model_copy(update={"name": "other"})
    uris = [record_in(place / "results", asked) for asked in (one, other)]
    several = {name: analysis.load(uri) for name, uri in zip(("small", "other"), uris, strict=True)}
    return report.write(analysis.load(uris), place / "report", several).page


@pytest.fixture
def opened(browser, written):
    """Open the page at a width, in light or dark, and note everything that goes wrong."""
    pages = []

    def go(width=1200, scheme="light", anchor=""):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.set_default_timeout(0)  # the test's own limit counts
        page.wrong, page.asked = [], []
        page.on("console", lambda message: page.wrong.append(message.text))
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(f"file://{written}{anchor}")
        pages.append(page)
        return page

    yield go
    for page in pages:
        assert page.wrong == []
        page.close()


def test_nothing_is_fetched_but_the_page(opened, written):
    assert opened().asked == [f"file://{written}"]


def test_every_figure_is_drawn(opened):
    page = opened()
    figures = page.locator("figure")
    assert figures.count() > 5
    for number in range(figures.count()):
        box = figures.nth(number).locator("svg").bounding_box()
        assert box["width"] > 300
        assert box["height"] > 100
        drawn = figures.nth(number).locator("svg path").count()
        assert drawn > 5


@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_does_not_scroll_sideways(opened, width):
    page = opened(width)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_click_sorts_and_a_second_one_turns_round(opened):
    page = opened()
    table = page.locator("section[aria-labelledby=cells] table")
    head = table.locator("th", has_text="test accuracy")
    column = table.locator("th").all_inner_texts().index(head.inner_text())

    def values():
        cells = table.locator(f"tbody tr td:nth-child({column + 1})")
        return [float(cell.get_attribute("data-value")) for cell in cells.all()]

    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert values() == sorted(values())
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert values() == sorted(values(), reverse=True)


def test_what_has_no_number_stays_below(opened):
    page = opened()
    table = page.locator("section[aria-labelledby=cells] table")
    head = table.locator("th", has_text="minus dense")
    for _ in range(2):  # dense has none
        head.get_by_role("button").click()
        assert "dense" in table.locator("tbody tr").last.inner_text()


def test_a_link_opens_what_it_leads_to(opened):
    page = opened()
    part = page.locator("#claim-C6")
    assert part.get_attribute("open") is None
    page.get_by_role("link", name="C6", exact=True).first.click()
    page.wait_for_selector("#claim-C6[open]")  # hashchange comes after the click, not with it
    assert opened(anchor="#claim-C9").locator("#claim-C9 table").first.is_visible()


def test_keyboard_reaches_everything_in_reading_order(opened):
    page = opened()
    seen = []
    for _ in range(400):
        page.keyboard.press("Tab")
        place = page.evaluate(
            "(() => { const e = document.activeElement; if (e === document.body) return null;"
            "const all = [...document.querySelectorAll('*')];"
            "const outline = getComputedStyle(e).outlineStyle;"
            "return [all.indexOf(e), e.tagName, outline]; })()"
        )
        if place is None:
            break
        seen.append(place)
    order = [place for place, _, _ in seen]
    assert order == sorted(order)
    assert {tag for _, tag, _ in seen} >= {"A", "BUTTON", "SUMMARY", "DIV"}
    assert all(outline != "none" for _, _, outline in seen)


def test_a_key_sorts_and_opens(opened):
    page = opened()
    button = page.locator("section[aria-labelledby=cells] th button").first
    button.focus()
    page.keyboard.press("Enter")
    assert page.locator("section[aria-labelledby=cells] th").first.get_attribute("aria-sort")
    page.locator("#claim-C9 > summary").focus()
    page.keyboard.press("Space")
    assert page.locator("#claim-C9").get_attribute("open") is not None


def test_everything_that_acts_has_a_name(opened):
    page = opened()
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    for role in ("link", "button", "img", "region", "table"):
        every = page.get_by_role(role).count()
        assert every > 0
        if role != "table":
            named = page.get_by_role(role, name="").count()
            assert named == every  # an empty pattern fits any name
    names = page.evaluate(
        "[...document.querySelectorAll('a, button, summary, [role=img], [role=region]')].map((e) =>"
        " (e.getAttribute('aria-label') || e.textContent || "
        "document.getElementById(e.getAttribute('aria-labelledby'))?.textContent || '').trim())"
    )
    assert len(names) > 50
    assert all(names)
    assert page.get_by_role("heading", level=1).count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(opened, scheme):
    page = opened(scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    found = page.evaluate(
        """() => {
          const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
          const light = (c) => {
            const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(channel);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const behind = (e) => {
            for (; e; e = e.parentElement) {
              const c = getComputedStyle(e).backgroundColor;
              if (!/, 0\\)$/.test(c)) return c;
            }
            return "rgb(255, 255, 255)";
          };
          return [...document.querySelectorAll("main *:not(svg *)")]
            .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
            .map((e) => {
              const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
              const said = e.textContent.slice(0, 40);
              return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), said];
            });
        }"""
    )
    assert len(found) > 100
    assert min(found)[0] >= CONTRAST, min(found)


def test_light_and_dark_differ(opened):
    colours = [
        opened(scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert colours[0] != colours[1]


def test_screenshots_are_not_blank(opened, tmp_path):
    for width in (390, 1200):
        path = Path(tmp_path, f"{width}.png")
        opened(width).screenshot(path=path, full_page=True)
        assert path.stat().st_size > 50_000

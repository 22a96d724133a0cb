"""The page of `untuned explore` in Chromium: groups, filters, a trial, results that come."""

import json
import re
import shutil
import subprocess
from contextlib import contextmanager

import pytest
from tests_support import UNTUNED, train_study, untuned, write_study

pytestmark = pytest.mark.browser

#: Of the studies, see `write_study`.
WEIGHTS = "[he-constant, he-normal]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("dash", reason="Dash is not installed")
    place = tmp_path_factory.mktemp("explored")
    write_study(place, weights=WEIGHTS)
    train_study(place, write=False)
    return place


@contextmanager
def serving(folder):
    """Serve the page of the folder's results, and yield its address."""
    command = [*UNTUNED, "explore", "own", "--no-open"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        found = re.match(r"(http://127\.0\.0\.1:\d+/) shows own; Ctrl-C", line)
        assert found, line
        yield found[1]
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture(scope="module")
def address(browser, folder):
    with serving(folder) as its:
        yield its


@pytest.fixture
def opened(browser):
    """Open the page at a width, in light or dark, and note everything that goes wrong."""
    pages = []

    def go(address, width=1280, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.wrong, page.asked = [], []
        page.set_default_timeout(0)  # the test's own limit counts
        page.on("console", lambda said: page.wrong.append(said.text) if said.type == "error" else 0)
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(address)
        page.get_by_text("8 of 8 trials chosen").wait_for()
        for plot in ("#finals", "#curves"):
            page.locator(f"{plot} .main-svg").first.wait_for()
        pages.append(page)
        return page

    yield go
    for page in pages:
        assert page.wrong == []
        page.close()


def choose(page, control, option):
    """Choose, or give up, an option of a dropdown."""
    page.get_by_role("button", name=re.compile(f"^{control}")).click()
    page.locator(".dash-dropdown-option").filter(has_text=option).first.click()
    page.keyboard.press("Escape")


def legend(page, count):
    page.wait_for_function(f"document.querySelectorAll('#legend li').length === {count}")
    return page.locator("#legend li").all_inner_texts()


def test_nothing_is_fetched_from_another_host(opened, address):
    page = opened(address)
    page.locator("#trials .ag-cell").first.click()
    page.locator("#command").wait_for()
    elsewhere = [u for u in page.asked if not u.startswith((address, "data:", f"blob:{address}"))]
    assert elsewhere == []
    assert len(page.asked) > 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_as_wide_as_the_window(opened, address, width, scheme):
    page = opened(address, width, scheme)
    page.locator("#trials .ag-cell").first.click()
    page.locator("#command").wait_for()
    page.locator("#trial .mask .main-svg").first.wait_for()
    page.wait_for_function("width => document.documentElement.scrollWidth === width", arg=width)
    for plot in ("#curves", "#finals"):
        box = page.locator(f"{plot} .plot-container").bounding_box()
        assert 250 < box["width"] <= width
    back, ink = (
        page.evaluate(f"getComputedStyle(document.body).{name}")
        for name in ("backgroundColor", "color")
    )
    light, dark = (sum(map(int, re.findall(r"\d+", colour))) for colour in (back, ink))
    assert (light > dark) == (scheme == "light")
    of_axis = page.locator("#finals .xtitle").evaluate("one => getComputedStyle(one).fill")
    assert (sum(map(int, re.findall(r"\d+", of_axis))) < 300) == (scheme == "light")


def test_each_control_has_a_name(opened, address):
    page = opened(address)
    for name in ("Read the results", "Figure", "Group by", "method", "weights"):
        assert page.get_by_role("button", name=re.compile(f"^{name} ")).count() == 1, name
    assert page.get_by_role("textbox", name=re.compile("^Conditions")).count() == 1
    assert page.get_by_role("button", name="Read again").count() == 1


def test_groups_follow_the_fields_that_are_chosen(opened, address):
    page = opened(address)
    assert legend(page, 4) == [
        "dense, he-constant",
        "dense, he-normal",
        "minimal-flipping, he-constant",
        "minimal-flipping, he-normal",
    ]
    choose(page, "Group by", "weights")
    assert legend(page, 2) == ["dense", "minimal-flipping"]
    page.locator("#finals-note", has_text="up to 2 cells").wait_for()
    choose(page, "Figure", "test loss")
    page.wait_for_function("document.querySelector('#curves .ytitle').textContent === 'test loss'")
    choose(page, "Figure", "last epoch")  # not a figure of epochs
    page.locator("#curves-section").wait_for(state="hidden")


def test_filters_leave_the_trials_that_meet_them(opened, address):
    page = opened(address)
    choose(page, "method", "dense")
    page.get_by_text("4 of 8 trials chosen").wait_for()
    assert legend(page, 2) == ["dense, he-constant", "dense, he-normal"]
    conditions = page.get_by_role("textbox", name=re.compile("^Conditions"))
    conditions.fill("weights=he-normal; seed=2")
    conditions.press("Enter")
    page.get_by_text("1 of 8 trials chosen").wait_for()
    page.wait_for_function(
        "[...document.querySelectorAll('#trials .ag-cell[col-id=weights]')]"
        ".map((cell) => cell.innerText.trim()).join() === 'he-normal'"
    )
    conditions.fill("weigths=he-normal")
    conditions.press("Enter")
    page.get_by_text("unknown column 'weigths'").wait_for()


def test_a_click_on_a_row_shows_the_trial_and_how_it_is_trained_again(opened, address, folder):
    page = opened(address)
    row = page.locator("#trials .ag-row", has_text="minimal-flipping").first
    trial = row.locator(".ag-cell[col-id=trial_id]").inner_text().strip()
    row.locator(".ag-cell[col-id=seed]").click()
    page.get_by_role("heading", name=f"Trial {trial}").wait_for()
    told = json.loads(untuned("show", "own", trial, "--json", cwd=folder).stdout)
    assert page.locator("#command").inner_text() == told["command"]
    page.locator("#trial .mask .hm, #trial .mask .heatmaplayer").first.wait_for(state="attached")
    assert page.locator("#trial .mask").count() == 2
    accuracy = f"{told['figures']['test_accuracy'] * 100:.2f} %"
    assert accuracy in page.locator("#trial").inner_text()


def test_a_click_on_a_point_shows_its_trial(opened, address):
    page = opened(address)
    heading = page.get_by_role("heading", name=re.compile("^Trial [0-9a-f]{12}$"))
    while not heading.count():  # a point moves while the page is laid out
        page.locator("#finals .scatterlayer .point").first.click(force=True)
        page.wait_for_timeout(200)


def test_results_that_come_are_read(opened, folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with serving(tmp_path) as address:
        page = opened(address)
        write_study(tmp_path, seeds=3, weights=WEIGHTS)
        run = ("run", "own.yaml", "--executor", "inline")
        assert untuned(*run, cwd=tmp_path).returncode == 0
        page.get_by_role("button", name="Read again").click()
        page.get_by_text("12 of 12 trials chosen").wait_for()
        page.locator("#progress", has_text="12 of 12 planned trials finished").wait_for()
        page.wait_for_load_state("networkidle")

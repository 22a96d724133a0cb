"""The site builds without a warning; its pages, links, reference, gallery and search are there."""

import importlib
import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from docs_support import ROOT

from studies.columns import TABLES
from studies.store import shipped

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def modules():
    """The modules of the folder `docs/site`, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS / "site"))
        patch.setattr(sys, "dont_write_bytecode", True)
        yield {name: importlib.import_module(name) for name in ("docstrings", "pages")}
        for name in ("docstrings", "pages"):
            del sys.modules[name]


@pytest.fixture(scope="module")
def site(tmp_path_factory, environment):
    """The folder of the site, built as `make site` does (20 s), with one figure in the gallery."""
    folder = tmp_path_factory.mktemp("site")
    options = ("-W", "--keep-going", "-n", "-q", "-D", "gallery_figures=final_accuracy")
    variables = {"UNTUNED_SHIPPED": str(shipped.FOLDER), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "sphinx", *options, DOCS, folder]
    built = subprocess.run(
        command, env=environment | variables, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return folder


class Page(HTMLParser):
    """The anchors and the internal links of a page."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links = {""}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Note the id of an element, and what it links to."""
        for name, value in attributes:
            if name == "id":
                self.anchors.add(value)
            elif name in ("href", "src") and not urlsplit(value).scheme:
                self.links.append(value)


@pytest.mark.slow
def test_every_page_is_there_and_every_link_leads_somewhere(site):
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    expected = [p for p in DOCS.rglob("*.*") if p.suffix in (".md", ".rst", ".ipynb")]
    assert {site / p.relative_to(DOCS).with_suffix(".html") for p in expected} <= set(pages)
    for path, page in pages.items():
        for link in page.links:
            to = urlsplit(link)
            target = (path.parent / unquote(to.path)).resolve() if to.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), (path.name, link)
            if target in pages:
                assert unquote(to.fragment) in pages[target].anchors, (path.name, link)


@pytest.mark.slow
def test_the_search_finds_words_of_pages_and_of_docstrings(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    for word in ("heartbeat", "load_network", "edg"):
        assert word in index


@pytest.mark.slow
def test_the_reference_has_what_users_import_with_arguments_and_errors(site):
    text = {path.stem: path.read_text(encoding="utf-8") for path in (site / "api").glob("*.html")}
    for page, name in {
        "running": "orchestrator.run",
        "results": "analysis.load",
        "training": "trainers.load_network",
        "extending": "trainers.methods.Connections",
    }.items():
        assert f'id="{name}"' in text[page], name
    entry = text["running"].partition('id="orchestrator.run"')[2]
    for word in ("checkpoint_seconds", "Raises", "MissingTrialsError"):
        assert word in entry


@pytest.mark.slow
def test_the_page_of_columns_has_every_column(site):
    text = (site / "columns.html").read_text(encoding="utf-8")
    for table in TABLES.values():
        for column in table.columns:
            assert f'<span class="pre">{column.name}</span>' in text


@pytest.mark.slow
def test_the_gallery_has_a_figure_with_its_command_and_dark_colours(site):
    text = (site / "gallery.html").read_text(encoding="utf-8")
    assert '<div class="plate"><svg' in text
    commands = re.findall(r"untuned report [\w-]+ --figures (\w+)", re.sub(r"<[^>]+>", "", text))
    assert commands == ["final_accuracy"]
    colour = re.search(r"var\((--c-[0-9a-f]{6}), #", text)
    assert f"{colour[1]}: #" in (site / "_static/figures.css").read_text(encoding="utf-8")


@pytest.mark.slow
def test_pages_from_outside_are_shown_with_their_links(site, modules):
    shown = modules["pages"].outside()
    assert shown[ROOT / "CONTRIBUTING.md"] == DOCS / "site/contributing.md"
    text = (site / "site/contributing.html").read_text(encoding="utf-8")
    assert 'href="../extending.html#a-method"' in text
    assert "What must never change" in text


@pytest.mark.parametrize(
    ("link", "moved"),
    [
        ("[a](docs/studies.md#axes)", "[a](../studies.md#axes)"),
        ("[a](CHANGELOG.md)", "[a](changes.md)"),
        ("![a](analysis/figures/examples/x.png)", "![a](analysis/figures/examples/x.png)"),
        ("[a](https://arxiv.org/abs/2006.16627)", "[a](https://arxiv.org/abs/2006.16627)"),
        ("[a](#tests)", "[a](#tests)"),
        ("`f(x)[0](y)`", "`f(x)[0](y)`"),
    ],
)
def test_links_are_moved_with_their_page(link, moved, modules):
    source, page = ROOT / "CONTRIBUTING.md", DOCS / "site/contributing.md"
    assert modules["pages"].with_links(link, source, page) == moved


def test_the_contents_are_the_lists_of_the_front_page(modules):
    front = (
        "# A\n\n[x](x.md)\n\n## One\n\n- [B](b.md): c\n  [d](e.md)\n- [D](d/e.rst)\n\n"
        "## Two\n\n- [F](f.md)\n"
    )
    assert re.findall(
        r"^(?::caption: )?\w[\w/]*$|:caption: \w+", modules["pages"].contents(front), re.M
    ) == [
        ":caption: One",
        "b",
        "d/e",
        ":caption: Two",
        "f",
    ]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("images [R, *shape] and `a*b`", "images [R, \\*shape] and `a*b`"),
        ("|x| of train_* and ``a|b``", "\\|x\\| of train\\_\\* and ``a|b``"),
        ("`Trial`s of a_b", "`Trial`\\ s of a_b"),
    ],
)
def test_only_backticks_are_markup_in_docstrings(text, plain, modules):
    assert modules["docstrings"].plain(text) == plain

"""Every link in the documentation resolves, and every figure stands beside its command."""

import re
from urllib.parse import urlparse

import pytest
from docs_support import PAGES, ROOT, anchors, blocks, links

NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_to_existing_files_and_anchors(page):
    for _, to in links(page):
        address = urlparse(to)
        if address.scheme:
            assert address.scheme == "https", to
            assert "." in address.netloc, to
            continue
        target = (page.parent / address.path).resolve() if address.path else page
        assert target.exists(), to
        assert target.is_relative_to(ROOT), to
        if address.fragment:
            assert address.fragment in anchors(target), to


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_an_image_exists_and_its_command_is_on_the_page(page):
    text = page.read_text(encoding="utf-8")
    for image, to in links(page):
        if image:
            assert (page.parent / to).stat().st_size > 1_000, to
            study = (page.parent / to).stem.split(".")[0]
            assert re.search(rf"^untuned report {study}\b", text, re.MULTILINE), to


def test_the_readme_links_to_every_page():
    linked = {(ROOT / to.partition("#")[0]).resolve() for _, to in links(ROOT / "README.md")}
    pages = {page for page in (ROOT / "docs").iterdir() if page.suffix in (".md", ".ipynb")}
    assert pages <= linked


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_comments_for_the_tests_are_valid(page):
    for block in blocks(page):
        assert block.mark in ("", "not run", "slow", "file"), block.name
        assert bool(block.mark) == bool(block.argument), block.name
        assert block.language, f"{block.name}: name its language, or text"


def test_the_files_named_in_contributing_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:studies|trainers|analysis|orchestrator|tests)/[\w/.]*)`", text)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []

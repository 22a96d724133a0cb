"""Every command in the documentation exists with its options, and every runnable block runs."""

import re
import shutil

import click
import pytest
from docs_support import PAGES, ROOT, bash, blocks, commands, inline_commands, python, slow

from orchestrator.cli import _columns_page, _docs_page, cli

SHELL = [b for page in PAGES for b in blocks(page) if b.language == "bash"]


def pages_to_run(mark):
    """Return the pages that have blocks to run under this mark, each with those blocks."""
    to_run = {}
    for page in PAGES:
        code = [b for b in blocks(page) if b.language in ("bash", "python")]
        marked = [b for b in code if (b.mark or ("slow" if slow(page) else "")) == mark]
        to_run |= {page: marked} if marked else {}
    return to_run


QUICK, SLOW = pages_to_run(""), pages_to_run("slow")


def check_command(words, *, whole=True):
    """Check a command's name, options and arguments without running it; files may be missing."""
    context = click.Context(cli, info_name="untuned")
    name, *rest = words
    command = cli.get_command(context, name)
    subcontext = click.Context(command, info_name=name, parent=context)
    subcontext.resilient_parsing = not whole
    values, left, _ = command.make_parser(subcontext).parse_args(list(rest))
    assert not left, left
    for parameter in command.params:
        value = values.get(parameter.name)
        if whole and isinstance(parameter, click.Argument) and parameter.required:
            assert value, f"untuned {name} needs {parameter.human_readable_name}"
        kind = parameter.type
        if isinstance(kind, click.Choice) or hasattr(kind, "min"):
            values_given = value if isinstance(value, (list, tuple)) else [value]
            for text in values_given:
                if isinstance(text, str) and not text.isupper():
                    kind.convert(text, parameter, subcontext)


@pytest.mark.parametrize("block", SHELL, ids=[b.name for b in SHELL])
def test_commands_in_blocks_exist_with_their_options(block):
    for words in commands(block.code):
        check_command(words)


@pytest.mark.parametrize("page", PAGES, ids=[str(p.relative_to(ROOT)) for p in PAGES])
def test_commands_in_the_text_exist_with_their_options(page):
    for words in inline_commands(page):
        if words[0].isupper():  # COMMAND stands for any command
            continue
        check_command(words, whole=False)  # `untuned verdict` names the command


def test_make_targets_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        targets_named = re.findall(r"(?:^|`)make ([\w-]+)", text, re.MULTILINE)
        assert set(targets_named) <= targets, page


@pytest.mark.parametrize(("name", "module"), [("commands", _docs_page), ("columns", _columns_page)])
def test_a_page_that_is_made_from_the_code_is_up_to_date(name, module):
    written = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert written == module.page(), "run `make docs`"


@pytest.mark.parametrize("page", QUICK, ids=lambda page: page.stem)
def test_blocks_run(page, digits_study, environment, tmp_path):
    shutil.copytree(digits_study, tmp_path, dirs_exist_ok=True)
    run_in_order(QUICK[page], tmp_path, environment)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", SLOW, ids=lambda page: page.stem)
def test_slow_blocks_run(page, digits_study, environment, tmp_path):
    if not slow(page):  # a slow page starts in an empty folder
        shutil.copytree(digits_study, tmp_path, dirs_exist_ok=True)
    run_in_order(SLOW[page], tmp_path, environment)


def run_in_order(code_blocks, folder, environment):
    """Run blocks in one folder, each in a process of its own."""
    for block in code_blocks:
        run = bash if block.language == "bash" else python
        answer = run(block.code, folder, environment)
        assert answer.returncode == 0, f"{block.name}\n{answer.stdout}\n{answer.stderr}"

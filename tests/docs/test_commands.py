"""Every command in the documentation is one of the command line, and what can be run here is."""

import re
import shutil

import click
import pytest
from docs_support import PAGES, ROOT, bash, blocks, commands, python, slow, spoken

from orchestrator.cli import _docs_page, cli

SHELL = [b for page in PAGES for b in blocks(page) if b.language == "bash"]


def to_run(mark):
    """The pages that are run quickly or slowly, each with its blocks to run."""
    found = {}
    for page in PAGES:
        code = [b for b in blocks(page) if b.language in ("bash", "python")]
        wanted = [b for b in code if (b.mark or ("slow" if slow(page) else "")) == mark]
        found |= {page: wanted} if wanted else {}
    return found


QUICK, SLOW = to_run(""), to_run("slow")


def parsed(words, *, whole=True):
    """Hold a command against the command line without running it; files need not be there."""
    context = click.Context(cli, info_name="untuned")
    name, *rest = words
    command = cli.get_command(context, name)
    own = click.Context(command, info_name=name, parent=context)
    own.resilient_parsing = not whole
    values, left, _ = command.make_parser(own).parse_args(list(rest))
    assert not left, left
    for parameter in command.params:
        value = values.get(parameter.name)
        if whole and isinstance(parameter, click.Argument) and parameter.required:
            assert value, f"untuned {name} needs {parameter.human_readable_name}"
        kind = parameter.type
        if isinstance(kind, click.Choice) or hasattr(kind, "min"):
            given = value if isinstance(value, (list, tuple)) else [value]
            for one in given:
                if isinstance(one, str) and not one.isupper():
                    kind.convert(one, parameter, own)


@pytest.mark.parametrize("block", SHELL, ids=[b.name for b in SHELL])
def test_commands_in_blocks_have_the_options_that_they_say(block):
    for words in commands(block.code):
        parsed(words)


@pytest.mark.parametrize("page", PAGES, ids=[str(p.relative_to(ROOT)) for p in PAGES])
def test_commands_in_the_text_have_the_options_that_they_say(page):
    for words in spoken(page):
        if words[0].isupper():  # COMMAND, a word for any
            continue
        parsed(words, whole=False)  # `untuned verdict` names the command


def test_what_make_is_asked_for_is_in_the_makefile():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        asked = re.findall(r"(?:^|`)make ([\w-]+)", text, re.MULTILINE)
        assert set(asked) <= targets, page


def test_the_reference_is_what_the_commands_say():
    written = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == _docs_page.page(), "run `make docs`"


@pytest.mark.parametrize("page", QUICK, ids=lambda page: page.stem)
def test_blocks_run_as_they_stand(page, digits_study, environment, tmp_path):
    shutil.copytree(digits_study, tmp_path, dirs_exist_ok=True)
    in_order(QUICK[page], tmp_path, environment)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", SLOW, ids=lambda page: page.stem)
def test_long_blocks_run_as_they_stand(page, digits_study, environment, tmp_path):
    if not slow(page):  # such a page begins in an empty folder
        shutil.copytree(digits_study, tmp_path, dirs_exist_ok=True)
    in_order(SLOW[page], tmp_path, environment)


def in_order(found, folder, environment):
    """Run blocks in one folder, each in a process of its own."""
    for block in found:
        run = bash if block.language == "bash" else python
        answer = run(block.code, folder, environment)
        assert answer.returncode == 0, f"{block.name}\n{answer.stdout}\n{answer.stderr}"

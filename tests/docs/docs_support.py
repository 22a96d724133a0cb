"""The documentation, taken apart: pages, their blocks of code, links and anchors.

A block is run where it stands, in the order of its page, unless a comment above it says otherwise:

    <!-- not run: REASON -->     its commands are held against the command line alone
    <!-- slow: REASON -->        it is run by a slow test
    <!-- file: PATH -->          it is that file, from the repository's root

A page that begins with ``<!-- slow: REASON -->`` is run by a test of its own.
"""

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "analysis").rglob("README.md"),
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
    ]
)
_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[\w ]+?)(?:: (?P<said>.*?))? -->\n)?"
    r"```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"(?P<image>!)?\[(?P<text>[^\]]*)\]\((?P<to>[^()\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its text, and the comment above it."""

    page: Path
    language: str
    code: str
    mark: str
    said: str
    line: int

    @property
    def name(self):
        """For a test's name."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page):
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            found["language"],
            found["code"],
            found["mark"] or "",
            found["said"] or "",
            text.count("\n", 0, found.start()) + 1,
        )
        for found in _BLOCK.finditer(text)
    ]


def slow(page):
    """Whether a page says that it takes long."""
    return page.read_text(encoding="utf-8").startswith("<!-- slow: ")


def prose(page):
    """The text of a page without its blocks of code."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def links(page):
    """(whether it is an image, where it leads) of every link of a page."""
    without_code = re.sub(r"`[^`\n]*`", "", prose(page))
    return [(bool(m["image"]), m["to"]) for m in _LINK.finditer(without_code)]


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in headings}


def commands(code):
    """The words of every `untuned` command in a block of shell code."""
    code = re.sub(r"<<'?(\w+)'?\n.*?^\1$", "", code, flags=re.MULTILINE | re.DOTALL)
    found = []
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["exec"]:
            words = words[1:]
        if words[:1] == ["untuned"]:
            found.append([word for word in _until_redirected(words[1:]) if word != "..."])
    return found


def spoken(page):
    """The `untuned` commands in the running text of a page."""
    texts = re.findall(r"`(untuned [^`]+)`", prose(page))
    return [shlex.split(text)[1:] for text in texts if "..." not in text]


def _until_redirected(words):
    ends = [n for n, word in enumerate(words) if word.startswith((">", "|", "&"))]
    return words[: min(ends, default=len(words))]


def bash(code, cwd, environment):
    """Run a block of shell code as it stands."""
    return _finished(["bash", "-eu", "-o", "pipefail", "-c", code], cwd, environment)


def python(code, cwd, environment):
    """Run a block of Python as it stands, with warnings as errors of its own."""
    return _finished([environment["PYTHON"], "-c", code], cwd, environment)


def _finished(command, cwd, environment):
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=280, check=False
    )

"""The pages of the documentation with their blocks of code, links and anchors.

A page's blocks are run in order, unless a comment above a block says otherwise:

    <!-- not run: REASON -->     it is not run; only its commands and options are checked
    <!-- slow: REASON -->        a slow test runs it
    <!-- file: PATH -->          it shows that file (PATH is relative to the repository's root)

A slow test runs the whole of a page that begins with ``<!-- slow: REASON -->``.
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
        ROOT / "SECURITY.md",
    ]
)
_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[\w ]+?)(?:: (?P<argument>.*?))? -->\n)?"
    r"```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"(?P<image>!)?\[(?P<text>[^\]]*)\]\((?P<to>[^()\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A block of code with its language and the mark and argument of the comment above it."""

    page: Path
    language: str
    code: str
    mark: str
    argument: str
    line: int

    @property
    def name(self):
        """Return the page and line, for the name of a test."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page):
    """Return the fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            match["language"],
            match["code"],
            match["mark"] or "",
            match["argument"] or "",
            text.count("\n", 0, match.start()) + 1,
        )
        for match in _BLOCK.finditer(text)
    ]


def slow(page):
    """Return whether a page is marked as slow."""
    return page.read_text(encoding="utf-8").startswith("<!-- slow: ")


def prose(page):
    """Return the text of a page without its blocks of code."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def links(page):
    """Return (whether it is an image, its target) for each link of a page."""
    without_code = re.sub(r"`[^`\n]*`", "", prose(page))
    return [(bool(m["image"]), m["to"]) for m in _LINK.finditer(without_code)]


def anchors(page):
    """Return the anchors of a page's headings, as GitHub forms them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


def commands(code):
    """Return the words of each `untuned` command in a block of shell code."""
    code = re.sub(r"<<'?(\w+)'?\n.*?^\1$", "", code, flags=re.MULTILINE | re.DOTALL)
    argument_lists = []
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["exec"]:
            words = words[1:]
        if words[:1] == ["untuned"]:
            argument_lists.append([word for word in _until_redirected(words[1:]) if word != "..."])
    return argument_lists


def inline_commands(page):
    """Return the words of each `untuned` command in the running text of a page."""
    texts = re.findall(r"`(untuned [^`]+)`", prose(page))
    return [shlex.split(text)[1:] for text in texts if "..." not in text]


def _until_redirected(words):
    ends = [n for n, word in enumerate(words) if word.startswith((">", "|", "&"))]
    return words[: min(ends, default=len(words))]


def bash(code, cwd, environment):
    """Run a block of shell code."""
    return _finished(["bash", "-eu", "-o", "pipefail", "-c", code], cwd, environment)


def python(code, cwd, environment):
    """Run a block of Python code in a process of its own."""
    return _finished([environment["PYTHON"], "-c", code], cwd, environment)


def _finished(command, cwd, environment):
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )

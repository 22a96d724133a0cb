"""YAML as people mean it: 1e-3 is a number, no key is given twice, and no document is huge.

YAML 1.1, which PyYAML reads, has numbers that mean something else than they seem to: 010 is eight,
1:30 is ninety, 08 is a text. In a study file they are refused, with the value that is meant.
"""

import math
import re
from collections.abc import Hashable
from typing import Any

import yaml

from studies.errors import shown

#: How deeply lists and mappings may be nested.
_DEEPEST = 20
#: How many values a document may have once its aliases are written out: ten lines of aliases can
#: stand for a billion values.
_MOST_VALUES = 100_000
#: Digits of a number. PyYAML takes hours for long ones in base 60, as in 1:30:00.
_DIGITS = 400
#: Characters that control a terminal, line breaks and tabs apart, or that are halves of others
#: (surrogates), which UTF-8 has no form for.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


#: A whole number that begins with 0, which would be octal (010), or a text (08).
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")
#: A number in base 60, as in 1:30.
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
#: Numbers of YAML 1.2 and of Python that are texts in YAML 1.1.
_OTHER_BASES = re.compile(r"[-+]?0(?:o[0-7_]+|B[01_]+|X[0-9a-fA-F_]+|O[0-7_]+)")


class MisreadError(yaml.YAMLError):
    """An unquoted value that YAML 1.1 reads as another number than it seems to be.

    Attributes:
        reason: the value and what to write instead, without its place.
    """

    def __init__(self, reason: str, mark: yaml.Mark) -> None:
        super().__init__(reason + _place(mark))
        self.reason = reason


def _trap(text: str) -> str | None:
    """Return why an unquoted value is refused, and what to write instead; None if it is fine."""
    quoted = f", or '{text}' if it is a text"
    if _LEADING_ZERO.fullmatch(text):
        digits = text.replace("_", "")
        octal = set(digits.lstrip("+-")) <= set("01234567") and int(digits, 8) != int(digits)
        other = f", or {int(digits, 8)} if it is octal" if octal else ""
        return f"{text}: a number that begins with 0; write {int(digits)}{other}{quoted}"
    if _BASE_60.fullmatch(text):
        total = 0.0
        for part in text.replace("_", "").lstrip("+-").split(":"):
            total = 60 * total + float(part)
        number = f"{'-' if text[0] == '-' else ''}{total:.15g}"
        return f"{text}: a number in base 60; write {number}{quoted}"
    if _OTHER_BASES.fullmatch(text):
        return f"{text}: a number in another base; write {int(text, 0)}{quoted}"
    return None


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, corrected where it misreads silently or does not end."""

    def __init__(self, text: str, *, by_hand: bool) -> None:
        super().__init__(text)
        self._by_hand = by_hand
        self._depth = self._values = 0
        self._sizes: dict[Hashable, int] = {}  # values of each node, its aliases written out

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse a node that is nested too deeply, unprintable, or too large once written out."""
        alias = self.check_event(yaml.AliasEvent)
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self._depth == _DEEPEST:
            raise _refused(f"nested more than {_DEEPEST} deep", mark)
        self._depth += 1
        before = self._values
        node = super().compose_node(parent, index)
        self._depth -= 1
        if not alias:
            self._values += 1
            self._sizes[node] = self._values - before
        elif node not in self._sizes:
            raise _refused("an alias is inside the value that it stands for", mark)
        else:
            self._values += self._sizes[node]
            if self._values > _MOST_VALUES:
                raise _refused(f"its aliases make it more than {_MOST_VALUES:,} values", mark)
        if isinstance(node, yaml.ScalarNode) and not alias:
            if _CONTROL.search(node.value):
                text = shown(node.value)
                raise _refused(f"{text} contains a character that cannot be printed", mark)
            plain = node.style is None and len(node.value) <= _DIGITS
            if self._by_hand and plain and (trap := _trap(node.value)):
                raise MisreadError(trap, mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Refuse a key that is given twice; PyYAML would silently drop the first."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused("a key must be a name", key.start_mark)
            if key.value in seen:
                raise _refused(f"the key {shown(key.value)} is given twice", key.start_mark)
            seen.add(key.value)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Name the place of a value that PyYAML fails at, such as a date that does not exist."""
        number = node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
        if number and len(node.value) > _DIGITS:
            raise _refused(f"a number of more than {_DIGITS} digits", node.start_mark)
        try:
            value = super().construct_object(node, deep)
        except ValueError as error:
            raise _refused(str(error), node.start_mark) from None
        except (ArithmeticError, AttributeError, LookupError, TypeError):
            kind = node.tag.rpartition(":")[2]
            raise _refused(
                f"{shown(node.value)} is not of the kind {kind}", node.start_mark
            ) from None
        if isinstance(value, float) and math.isinf(value) and "inf" not in node.value.lower():
            raise _refused(f"{node.value}: a number that is too large", node.start_mark)
        return value


class _TextLoader(_Loader):
    """Takes numbers, dates and so on for texts, as they are written."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: Any) -> str:
        """Return the tag of a node."""
        if kind is yaml.ScalarNode and implicit[0]:
            return "tag:yaml.org,2002:str"
        tag: str = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
        return tag


class _Dumper(yaml.SafeDumper):
    """Puts quotes around texts that the loader would take for numbers, or refuse."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Return the node of a text."""
        quotes = "'" if len(data) <= _DIGITS and _trap(data) else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=quotes)


# YAML 1.1, which PyYAML reads, takes 1e-3 (without a dot) for a text; YAML 1.2 does not.
for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(?:[0-9][0-9_]*)(?:\.[0-9_]*)?[eE][-+]?[0-9]+$"),
        list("-+0123456789"),
    )


_Dumper.add_representer(str, _Dumper.represent_str)


def dump(content: Any) -> str:
    """Return a document from which `load` builds the same content."""
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=False)
    return text


def load(text: str, *, by_hand: bool = False) -> Any:
    """Return the content of a YAML document, built only from plain types.

    Args:
        text: the document.
        by_hand: whether a person has written it, so that numbers which are easily misread are
            refused.

    Raises:
        MisreadError: it is written by hand and holds such a number.
        yaml.YAMLError: the text is not YAML, a mapping has a key twice, or a limit is exceeded;
            one line that says what is wrong and where.
    """
    return _content(_Loader, text, by_hand=by_hand)


def load_texts(text: str) -> Any:
    """Return the content of a document in which all values are texts, as they are written.

    Raises:
        yaml.YAMLError: as of `load`.
    """
    return _content(_TextLoader, text, by_hand=False)


def _content(kind: type[_Loader], text: str, *, by_hand: bool) -> Any:
    try:
        loader = kind(text, by_hand=by_hand)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        problem = ": ".join(text[:200] for text in (error.context, error.problem) if text)
        mark = error.problem_mark or error.context_mark
        raise yaml.YAMLError(problem + (_place(mark) if mark else "")) from None
    except yaml.reader.ReaderError as error:
        raise yaml.YAMLError(
            f"the character U+{error.character:04X} at position {error.position} is not allowed"
        ) from None


def _place(mark: yaml.Mark) -> str:
    return f" (line {mark.line + 1}, column {mark.column + 1})"


def _refused(reason: str, mark: yaml.Mark) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=reason, problem_mark=mark)

"""YAML as people mean it: 1e-3 is a number, no key is given twice, and no document is huge."""

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


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, corrected where it misreads silently or does not end."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
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
        if isinstance(node, yaml.ScalarNode) and _CONTROL.search(node.value):
            raise _refused(f"{shown(node.value)} contains a character that cannot be printed", mark)
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
            return super().construct_object(node, deep)
        except ValueError as error:
            raise _refused(str(error), node.start_mark) from None
        except (ArithmeticError, AttributeError, LookupError, TypeError):
            kind = node.tag.rpartition(":")[2]
            raise _refused(
                f"{shown(node.value)} is not of the kind {kind}", node.start_mark
            ) from None


class _Dumper(yaml.SafeDumper):
    """Puts quotes around texts that the loader would take for numbers."""


# YAML 1.1, which PyYAML reads, takes 1e-3 (without a dot) for a text; YAML 1.2 does not.
for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(?:[0-9][0-9_]*)(?:\.[0-9_]*)?[eE][-+]?[0-9]+$"),
        list("-+0123456789"),
    )


def dump(content: Any) -> str:
    """Return a document from which `load` builds the same content."""
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=False)
    return text


def load(text: str) -> Any:
    """Return the content of a YAML document, built only from plain types.

    Raises:
        yaml.YAMLError: the text is not YAML, a mapping has a key twice, or a limit is exceeded;
            one line that says what is wrong and where.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  (a subclass of SafeLoader)
    except yaml.MarkedYAMLError as error:
        problem = ": ".join(text[:200] for text in (error.context, error.problem) if text)
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise yaml.YAMLError(problem + place) from None
    except yaml.reader.ReaderError as error:
        raise yaml.YAMLError(
            f"the character U+{error.character:04X} at position {error.position} is not allowed"
        ) from None


def _refused(reason: str, mark: yaml.Mark) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=reason, problem_mark=mark)

"""`untuned new`."""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from studies.errors import UserError, shown
from studies.trial import FIELDS, REQUIRED, SETTABLE

#: The schema that is written beside a study file, for editors.
_SCHEMA = "untuned-schema.json"
#: What the new study asks, in a minute or so and without a download.
_VALUES = {
    "network": "lenet-300-100",
    "dataset": "digits",
    "method": "[dense, free-pruning, free-flipping]",
    "weights": "[he-normal, he-constant]",
    "epochs": "20",
}
_HEAD = """\
# yaml-language-server: $schema={schema}
# A study. Editors that know YAML complete its fields by the line above (VS Code: with the
# extension "YAML"). Look at what it asks for with: untuned check {name}.yaml

# What it shows, in a line.
description: Can connections be trained instead of weights? LeNet on digits
# The difference in test accuracy, in points, that counts as none. It is fixed before the study
# first runs: what is stated later does not count.
margin: 0.5
# N for the seeds 1 to N, or a list of them. A verdict is confirmatory from 15 on.
seeds: 5
# Fields of a trial, each with a value or a list of values, which are multiplied out.
axes:
"""
_OTHERS = """\

  # Further fields; each is as it stands here where it is not given. A method reads only some of
  # them, and what makes no difference is refused.
  #
"""
_TAIL = """
# Further axes, each multiplied out with the common ones and joined with the others:
# grids:
#   - method: [dense, free-pruning]
#   - method: edge-popup
#     density: [0.3, 0.5, 0.7]
#
# Images of your own, by name, a folder for each class or Parquet; the name is a dataset then:
# data:
#   pets: folder:images/pets
"""


@click.command(name="new")
@click.argument("name", required=False)
@click.option(
    "--schema", is_flag=True, help="Print the JSON schema of study files, for editors, instead."
)
def command(name: str | None, schema: bool) -> None:
    """Write NAME.yaml, a study file to begin with: every field explained, and ready to run.

    The schema beside it has editors complete and check what is typed; it knows the parts that are
    installed here, and is written anew each time.
    """
    from orchestrator.cli._study_schema import schema as made

    text = json.dumps(made(), indent=2) + "\n"
    if schema:
        print(text, end="")
        return
    if name is None:
        raise click.UsageError("give the new study a NAME, or --schema")
    path = _path(name)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template(path.stem))
        path.with_name(_SCHEMA).write_text(text, encoding="utf-8")
    except FileExistsError:
        raise UserError(f"{path} is there already; give another name, or remove it") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from None
    print(f"written: {path}, and beside it {_SCHEMA} for editors")
    print(f"look at what it asks for with: untuned check {path}")
    print(f"run it with: untuned run {path}")


def _path(name: str) -> Path:
    """The file of a new study.

    Raises:
        UserError: a study cannot be called so, or a shipped one is.
    """
    from studies.study import NAME, shipped

    path = Path(f"{name.removesuffix('.yaml')}.yaml")
    if not re.fullmatch(NAME, path.stem) or Path(name).name != name:
        raise UserError(
            f"name: {shown(name)} is not of lower-case letters, digits, '.', '_' and '-' alone, "
            "the first one a letter or digit"
        )
    if path.stem in shipped():
        raise UserError(
            f"{path.stem} is a shipped study, whose results it would share; name it apart"
        )
    return path


def template(name: str) -> str:
    """The text of a new study file; what it lists is what there is."""
    lines = [_HEAD.format(schema=_SCHEMA, name=name)]
    for field in (one for one in REQUIRED if one != "seed"):
        lines += _comment(_about(field))
        lines.append(f"  {field}: {_VALUES[field]}\n")
    lines.append(_OTHERS)
    for field in (one for one in SETTABLE if one not in REQUIRED):
        default = FIELDS[field].default
        value = default if isinstance(default, str) and default else json.dumps(default)
        lines.append(f"  # {field}: {value}\n")
        lines += _comment(_about(field), indent=4)
    return "".join([*lines, _TAIL])


def _about(field: str) -> str:
    """What a field means and can be."""
    from orchestrator.cli._study_schema import explained, known
    from trainers import registry

    names: Iterable[str] = FIELDS[field].metadata["choices"]
    if not names and field in registry.KINDS:
        names = known(field)
    return explained(field) + (f" One of: {', '.join(names)}." if names else "")


def _comment(text: str, indent: int = 0) -> Iterator[str]:
    for line in textwrap.wrap(text, 90 - indent, break_on_hyphens=False):
        yield f"  # {' ' * indent}{line}\n"

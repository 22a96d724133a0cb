"""`untuned new`."""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from orchestrator.cli import _files
from studies.errors import UserError, shown
from studies.names import is_study_file
from studies.trial import FIELDS, REQUIRED, SETTABLE

#: The name of the schema file that editors read.
_SCHEMA = "untuned-schema.json"
#: The fields of the new study, which runs in about a minute and downloads nothing.
_VALUES = {
    "network": "lenet-300-100",
    "dataset": "digits",
    "method": "[dense, free-pruning, free-flipping]",
    "weights": "[he-normal, he-constant]",
    "epochs": "20",
}
_HEAD = """\
# yaml-language-server: $schema={schema}
# A study file. With the schema above, editors complete and check its fields (VS Code needs the
# extension "YAML"). To see what it would run: untuned check {name}.yaml

# What the study shows, in one line.
description: Can connections be trained instead of weights? LeNet on digits
# The margin: the difference in test accuracy, in points, that counts as negligible. It is fixed
# when the study first runs; later changes do not count.
margin: 0.5
# N for the seeds 1 to N, a range such as 1001-1015, or a list. Confirmatory verdicts need at least
# 15 seeds, none of which has been used before.
seeds: 5
# The fields of the trials. Each has one value or a list; every combination of values is run.
axes:
"""
_OTHERS = """\

  # More fields, with their defaults. Remove the first "#" of a field to change it. Each method
  # uses only some of them; a field that the method does not use is refused.
  #
"""
_TAIL = """
# Grids are more axes. Each grid is combined with the axes above, and their trials are joined:
# grids:
#   - method: [dense, free-pruning]
#   - method: edge-popup
#     density: [0.3, 0.5, 0.7]
#     learning_rate: [1e-3, 1e-2]
#     tuned: learning_rate
#
# Tuned fields are chosen by validation accuracy: all of their values run on the tuning seeds, and
# only the chosen ones on the seeds above. A list of tuning seeds is common to all seeds; with
# seed + 1000, each seed has a tuning seed of its own:
# tuning_seeds: seed + 1000
#
# Your own images: a name, and a folder with a subfolder per class (or parquet:PATH). The name can
# then be a dataset above:
# data:
#   pets: folder:images/pets
"""


@click.command(name="new")
@click.argument("name", required=False)
@click.option("--schema", is_flag=True, help="Print the JSON schema of study files instead.")
def command(name: str | None, schema: bool) -> None:
    """Write NAME.yaml, a study file that explains every field.

    The study is ready to run. A JSON schema beside the file lets editors complete and check it. The
    schema lists the components that are installed here, and is written again each time.
    """
    from orchestrator.cli import _study_schema

    text = json.dumps(_study_schema.schema(), indent=2) + "\n"
    if schema and name is not None:
        raise click.UsageError("--schema prints the schema alone; leave NAME out")
    if schema:
        print(text, end="")
        return
    if name is None:
        raise click.UsageError("give a NAME for the new study, or --schema")
    path = _path(name)
    _files.create(path, template(path.stem).encode())
    try:
        _files.write(path.with_name(_SCHEMA), text.encode())
    except UserError:
        path.unlink()
        raise
    print(f"wrote {path}, and {_SCHEMA} for editors")
    print(f"check it with: untuned check {path}")
    print(f"run it with: untuned run {path}")


def _path(name: str) -> Path:
    """Return the path of a new study's file.

    Raises:
        UserError: the name is not allowed, or is that of a shipped study.
    """
    from studies.study import NAME, shipped

    path = Path(f"{name.rpartition('.')[0] if is_study_file(name) else name}.yaml")
    if not re.fullmatch(NAME, path.stem) or Path(name).name != name:
        raise UserError(
            f"name {shown(name)}: use at most 100 lower-case letters, digits, '.', '_' and '-', "
            "and begin with a letter or digit"
        )
    if path.stem in shipped():
        raise UserError(
            f"name {shown(path.stem)}: a shipped study has this name, and the two would share "
            "their results; give another name"
        )
    return path


def template(name: str) -> str:
    """Return the text of a new study file, with the components that are installed."""
    lines = [_HEAD.format(schema=_SCHEMA, name=name)]
    for field in (name for name in REQUIRED if name != "seed"):
        lines += _comment(_explanation(field))
        lines.append(f"  {field}: {_VALUES[field]}\n")
    lines.append(_OTHERS)
    for field in (name for name in SETTABLE if name not in REQUIRED):
        default = FIELDS[field].default
        value = default if isinstance(default, str) and default else json.dumps(default)
        lines.append(f"  # {field}: {value}\n")
        lines += _comment(_explanation(field), indent=4)
    return "".join([*lines, _TAIL])


def _explanation(field: str) -> str:
    """Return what a field means, and the names that it can have."""
    from orchestrator.cli._study_schema import explanation, known_names
    from trainers import registry

    names: Iterable[str] = FIELDS[field].metadata["choices"]
    if not names and field in registry.KINDS:
        names = known_names(field)
    return explanation(field) + (f" One of: {', '.join(names)}." if names else "")


def _comment(text: str, indent: int = 0) -> Iterator[str]:
    """Yield a text as wrapped lines of comment."""
    for line in textwrap.wrap(text, 90 - indent, break_on_hyphens=False):
        yield f"  # {' ' * indent}{line}\n"

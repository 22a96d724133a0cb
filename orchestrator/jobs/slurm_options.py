"""What a Slurm array asks for: options of the command, and a file of them."""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from studies import strict_yaml
from studies.errors import UserError, shown, unknown
from studies.regular_files import regular

#: Slurm's forms of a time: minutes, minutes:seconds, hours:minutes:seconds, days-hours[:..].
_TIME = re.compile(r"(?:(\d{1,3})-)?(\d{1,6})(?::(\d{1,2}))?(?::(\d{1,2}))?")
#: Options that are numbers, and those that Slurm takes as they are.
_NUMBERS = ("tasks", "memory", "cpus", "gpus")
_TEXTS = ("partition", "account", "qos", "constraint")


@dataclass(frozen=True, kw_only=True)
class SlurmOptions:
    """What a Slurm array asks for.

    Attributes:
        tasks: how many tasks, each of which trains with one process.
        partition: of the cluster; None for its default.
        time: minutes until Slurm ends a task, which is then requeued; at least 4.
        memory: of a task, in GB; None for the cluster's default.
        cpus: of a task.
        gpus: of a task, 0 or 1.
        account: that is charged.
        qos: quality of service.
        constraint: features of the nodes.
        setup: shell commands before a task, such as ``module load cuda``.
    """

    tasks: int = 1
    partition: str | None = None
    time: int = 60
    memory: float | None = None
    cpus: int = 1
    gpus: int = 0
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    setup: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: str | None, given: Mapping[str, Any]) -> "SlurmOptions":
        """Return the options of a file, with those that are given in their place.

        Args:
            path: of a YAML file with the names of the attributes; None for no file.
            given: options by name; those that are None do not count.

        Raises:
            UserError: the file cannot be read, or an option is unknown or has no such value.
        """
        values = {} if path is None else _read(path)
        values |= {name: value for name, value in given.items() if value is not None}
        return cls(**{name: _checked(name, value) for name, value in values.items()})

    def parameters(self, name: str, signal_seconds: int) -> dict[str, Any]:
        """Return submitit's parameters.

        Args:
            name: of the job, as Slurm shows it.
            signal_seconds: how long before its end a task is signalled.
        """
        parameters: dict[str, Any] = {
            "job_name": name,
            "time": self.time,
            "cpus_per_task": self.cpus,
            "signal_delay_s": signal_seconds,
            "array_parallelism": self.tasks,
            "stderr_to_stdout": True,
            "setup": list(self.setup) or None,
            "mem": None if self.memory is None else f"{round(self.memory * 1024)}MB",
            "gpus_per_node": self.gpus or None,
            **{text: getattr(self, text) for text in _TEXTS},
        }
        return {key: value for key, value in parameters.items() if value is not None}


def minutes(text: str) -> int:
    """Return the minutes of one of Slurm's forms of a time, rounded up.

    Raises:
        UserError: the text is none of them.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise UserError(
            f"time: {shown(text)} is not a time; give minutes, as in 90, or hours:minutes:seconds, "
            "as in 12:00:00, or days-hours, as in 1-12"
        )
    days, first, second, third = (int(part) if part else 0 for part in match.groups())
    if match[1] is not None:
        seconds = ((days * 24 + first) * 60 + second) * 60 + third
    elif match[4] is not None:
        seconds = (first * 60 + second) * 60 + third
    else:
        seconds = first * 60 + second
    return -(-seconds // 60)


def _read(path: str) -> dict[str, Any]:
    try:
        text = regular(Path(path)).read_text(encoding="utf-8")
        values = strict_yaml.load_texts(text)  # YAML reads 12:00:00 as a number of seconds
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UserError(f"file of Slurm's options {path}: {reason}") from None
    except yaml.YAMLError as error:
        raise UserError(f"file of Slurm's options {path}: not YAML: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"file of Slurm's options {path}: give names and values, as in tasks: 8")
    return {name: _number(value) if name in _NUMBERS else value for name, value in values.items()}


def _number(text: Any) -> Any:
    """Return a text as a number if it is one."""
    for kind in (int, float):
        with contextlib.suppress(ValueError, TypeError):
            return kind(text)
    return text


def _checked(name: str, value: Any) -> Any:
    """Return an option's value in its type.

    Raises:
        UserError: there is no such option, or it has no such value.
    """
    names = [field.name for field in fields(SlurmOptions)]
    if name not in names:
        raise unknown("option of Slurm", str(name), names)
    if name == "time":
        value = minutes(str(value)) if type(value) in (int, str) else value
        allowed, is_right = "a time of at least 4 minutes", type(value) is int and value >= 4
    elif name in ("tasks", "cpus"):
        allowed, is_right = "a whole number above 0", type(value) is int and value > 0
    elif name == "gpus":
        allowed, is_right = "0 or 1; ask for more tasks", type(value) is int and value in (0, 1)
    elif name == "memory":
        allowed = "a number of GB above 0"
        is_right = type(value) in (int, float) and 0 < value < 1e6
    elif name == "setup":
        value = [value] if isinstance(value, str) else value
        allowed = "a shell command or a list of them"
        is_right = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
        value = tuple(value) if is_right else value
    else:
        allowed = "a name"
        is_right = isinstance(value, str) and bool(re.fullmatch(r"[\w.,&|@*()\[\]-]+", value))
    if not is_right:
        raise UserError(f"{name}: {shown(value)} is not {allowed}")
    return value

"""Seeds as a study file and the option --seeds give them: a number, a range, or a list.

``15`` stands for the seeds 1 to 15, and ``1001-1015`` for those from 1001 to 1015. Tuning seeds can
also follow from the seeds: with ``seed + 1000``, each seed has a tuning seed of its own.
"""

import re
from typing import Any

from studies.errors import UserError, shown
from studies.trial import FIELDS, check_value

#: A number N for the seeds 1 to N, a range such as ``1001-1015``, or a list.
Seeds = int | str | list[int]

#: The most seeds that a number or a range may stand for.
MOST = 1_000_000
#: The forms of a range and of tuning seeds that follow from the seeds.
RANGE = r"^[0-9]{1,19}-[0-9]{1,19}$"
OFFSET = r"^seed \+ [0-9]{1,19}$"
_LARGEST: int = FIELDS["seed"].metadata["limits"]["at_most"]
_TUNING_FORMS = (
    "is neither a list of seeds, nor a range such as 2001-2015, nor seed + 1000, which gives each "
    "seed a tuning seed of its own"
)
_FORMS = "is neither a number such as 15, nor a range such as 1001-1015, nor a list of seeds"


def check(given: Any) -> Seeds:
    """Return seeds as they are given, if they are a number, a range or a list.

    Raises:
        UserError: they are none of these, they are none at all, or they are too many.
    """
    if type(given) is int:
        if not 1 <= given <= MOST:
            raise UserError(f"{shown(given)} is not a number of seeds from 1 to {MOST}")
    elif isinstance(given, list):
        if not given:
            raise UserError("[] is an empty grid; give at least one seed")
        for seed in given:
            check_value("seed", seed)
    elif isinstance(given, str):
        _bounds(given)
    else:
        raise UserError(f"{shown(given)} {_FORMS}")
    return given  # type: ignore[no-any-return]  # just checked


def check_tuning(given: Any) -> list[int] | str:
    """Return tuning seeds as they are given, if they are a list, a range or ``seed + K``.

    Raises:
        UserError: they are none of these.
    """
    if isinstance(given, str) and re.fullmatch(OFFSET, given):
        if not 1 <= int(given.removeprefix("seed + ")) <= _LARGEST:
            raise UserError(f"{given}: add a number from 1 to {_LARGEST}")
        return given
    if not isinstance(given, str | list):
        raise UserError(f"{shown(given)} {_TUNING_FORMS}")
    if isinstance(given, str) and not re.fullmatch(RANGE, given):
        raise UserError(f"{shown(given)} {_TUNING_FORMS}")
    return check(given)  # type: ignore[return-value]  # a text stays a text, a list a list


def listed(given: Seeds) -> list[int]:
    """Return the seeds that a number, a range or a list stands for."""
    if isinstance(given, list):
        return given
    first, last = (1, given) if isinstance(given, int) else _bounds(given)
    return list(range(first, last + 1))


def offset(tuning: list[int] | str) -> int | None:
    """Return K if tuning seeds are given as ``seed + K``; None if they are a range or a list."""
    is_offset = isinstance(tuning, str) and tuning.startswith("seed + ")
    return int(tuning.removeprefix("seed + ")) if is_offset else None  # type: ignore[union-attr]


def instead(new: Seeds, old: Seeds) -> Seeds:
    """Return seeds that take the place of others.

    A number of new seeds counts from where the old ones begin if these are a range, else from 1.
    A tuple or a range of Python stands for the list of its numbers.

    Raises:
        UserError: there are no such seeds.
    """
    new = list(new) if isinstance(new, tuple | range) else new
    if not isinstance(new, int) or not isinstance(old, str):
        return check(new)
    first, _ = _bounds(old)
    return check(f"{first}-{first + new - 1}")


def parsed(text: str) -> Seeds:
    """Return what a text of the command line stands for, ``15`` or ``1001-1015``.

    Raises:
        UserError: it is neither.
    """
    if re.fullmatch(r"-?[0-9]{1,19}", text):
        return check(int(text))
    if not re.fullmatch(RANGE, text):
        raise UserError(
            f"{shown(text)} is neither a number such as 15 nor a range such as 1001-1015"
        )
    return check(text)


def _bounds(text: str) -> tuple[int, int]:
    """Return the first and the last seed of a range."""
    if not re.fullmatch(RANGE, text):
        raise UserError(f"{shown(text)} {_FORMS}")
    first, last = (int(number) for number in text.split("-"))
    if first > last:
        raise UserError(f"{text}: a range begins with its smaller seed; give {last}-{first}")
    if last > _LARGEST:
        raise UserError(f"{text}: the largest seed is {_LARGEST}")
    if last - first >= MOST:
        count = last - first + 1
        raise UserError(f"{text}: these are {count:,} seeds, at most {MOST:,} are allowed")
    return first, last

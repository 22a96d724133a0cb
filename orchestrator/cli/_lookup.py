"""Finds a trial of a study by its id or the beginning of it."""

import difflib
from collections.abc import Iterable

from studies.errors import UserError, shown

#: Ids that are named in an error.
_NAMED = 4


def trial(given: str, ids: Iterable[str], study: str) -> str:
    """The one id that is, or begins with, what was given.

    Raises:
        UserError: there is none, with the nearest ones, or there are several.
    """
    known = sorted(set(ids))
    fits = [one for one in known if one.startswith(given.lower())] if given else known
    if len(fits) == 1:
        return fits[0]
    if not known:
        raise UserError(f"{study} has no trials yet; run first: untuned run {study}")
    if fits:
        raise UserError(
            f"trial {shown(given)}: {len(fits)} trials of {study} begin so ({_some(fits)}); give "
            "more of the id"
        )
    near = difflib.get_close_matches(given.lower(), known, n=_NAMED, cutoff=0.3)
    said = f"did you mean {' or '.join(near)}" if near else f"there are {_some(known)}"
    raise UserError(f"trial {shown(given)}: {study} has no trial whose id begins so; {said}")


def _some(ids: list[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f"{', '.join(ids[:_NAMED])}{more}"

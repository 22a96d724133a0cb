"""Where the results of studies are, and what is recorded there before it becomes tables.

A study may have results in several places, such as a folder of one's own and the shipped results.
They are joined by the ids of the trials, and by the hashes of the definitions.
"""

import itertools
import os.path
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from studies.errors import UserError
from studies.store import Store, filesystems, shipped, studies_in
from studies.store.definitions import Finish, Recorded
from studies.store.finished import Finished, differing, failure_logs, finished
from studies.store.registers import Register, joined


@dataclass(frozen=True)
class Place:
    """The results of a study in one place.

    Attributes:
        store: the results.
        done: the finished trials.
        definitions: the definitions of the study in all of its places if this is the first of
            them, else none.
    """

    store: Store
    done: Finished
    definitions: tuple[Recorded, ...]


def read(uris: Iterable[str]) -> list[Place]:
    """Read what is recorded of studies; their definitions are joined.

    Args:
        uris: folders or URIs of studies' results, or studies' names; see `analysis.load`.

    Raises:
        UserError: there are no results at one of them.
    """
    wheres = [where for uri in uris for where in _wheres(uri.rstrip("/") or uri)]
    places = [_read(where) for where in dict.fromkeys(wheres)]
    registers: dict[str, Register] = {}
    for place in places:
        register = Register(place.definitions, _finishes(place.done))
        if before := registers.get(place.store.study):
            finishes = {**register.finishes, **before.finishes}
            register = Register(joined(before, register), finishes)
        registers[place.store.study] = register
    of_first = (registers.pop(place.store.study, None) for place in places)
    return [
        replace(place, definitions=tuple(register.definitions) if register else ())
        for place, register in zip(places, of_first, strict=True)
    ]


def failed(places: Sequence[Place]) -> tuple[str, ...]:
    """Return the trials that failed and are finished in no place of their study."""
    done: dict[str, frozenset[str]] = {}
    for place in places:
        study = place.store.study
        done[study] = done.get(study, frozenset()) | place.done.ids
    ids = (
        t for place in places for t in sorted(failure_logs(place.store, done[place.store.study]))
    )
    return tuple(dict.fromkeys(ids))


def conflicts(places: Sequence[Place]) -> tuple[str, ...]:
    """Return the trials whose attempts differ, in one place or between two, of any studies."""
    ids = [trial for place in places for trial in place.done.conflicts]
    for one, other in itertools.combinations(places, 2):
        ids += differing(one.done, other.done)
    return tuple(dict.fromkeys(ids))


def _wheres(uri: str) -> list[str]:
    """Return where the results are that a URI or a study's name stands for."""
    # A folder here that has the study's name may hold something else, such as its images.
    inside = (os.path.join(uri, name) for name in ("definitions", "trials"))  # noqa: PTH118
    # Path's `is_dir` raises for a name that is too long.
    if "/" in uri or any(map(os.path.isdir, inside)):
        return [uri]
    own = [Store("results", uri).uri] if uri in studies_in("results") else []
    published = shipped.store(uri)
    return [*own, *([published.uri] if published else [])] or [uri]


def _read(uri: str) -> Place:
    """Read what one place has of a study."""
    store = store_of(uri)
    definitions = tuple(store.definitions.recorded())
    done = finished(store, masks=True)
    if not definitions and not len(done.rows):
        raise _nothing(store, uri)
    return Place(store, done, definitions)


def _finishes(done: Finished) -> dict[str, Finish]:
    """Return when each finished trial was finished."""
    columns = (done.rows[name].to_pylist() for name in ("trial_id", "seed", "finished_at"))
    return {trial: Finish(seed, at) for trial, seed, at in zip(*columns, strict=True)}


def store_of(uri: str) -> Store:
    """Return the store of a study's results, from the URI of the study's folder.

    Raises:
        UserError: it cannot be opened, does not name a study, or contains a credential.
    """
    return Store(*split(uri))


def split(uri: str) -> tuple[str, str]:
    """Return the folder or URI of all results, and the study, from the URI of a study's folder.

    Raises:
        UserError: it does not name a study, or contains a credential.
    """
    if "://" in uri:
        filesystems.check(uri)
    path, mark, options = uri.partition("?") if "://" in uri else (uri, "", "")
    root, _, study = path.rstrip("/").rpartition("/")
    if not study.strip() or study in (".", "..") or root.endswith(":/"):
        raise UserError(f"results {uri!r}: give a study's folder, as in results/digits")
    absolute = path.startswith("/") and not root
    return ("/" if absolute else root or ".") + mark + options, study


def _nothing(store: Store, uri: str) -> UserError:
    """Return the error for a folder without results; it says what to run and what exists."""
    studies = studies_in(store.root.rpartition("/")[0]) if store.local_path else []
    others = f" (there are results of: {', '.join(studies)})" if studies else ""
    return UserError(f"no results in {uri}; run `untuned run {store.study}` first{others}")

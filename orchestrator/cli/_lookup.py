"""Finds studies, results and trials by what the user typed."""

import difflib
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from studies.errors import UserError, shown, unknown
from studies.names import is_study_file

if TYPE_CHECKING:
    from analysis import Results
    from studies.store import Store
    from studies.study import Study

T = TypeVar("T")

#: An error lists at most this many ids.
_MOST_IDS = 4


def store_and_definitions(name_or_path: str, results: str) -> "tuple[Store, list[Study]]":
    """Return a study's results in a folder and the definitions that were run.

    If none was run, the only definition is that of the shipped study or the study file.

    Args:
        name_or_path: a study file, or the name of a study that is shipped or has results.
        results: the folder or URI of all results.

    Raises:
        UserError: there is no such study.
    """
    from studies.store import Store, studies_in
    from studies.study import find, shipped

    recorded = studies_in(results)
    if not is_study_file(name_or_path) and name_or_path not in {*recorded, *shipped()}:
        raise unknown("study", name_or_path, {*recorded, *shipped()})
    if name_or_path in recorded:
        store = Store(results, name_or_path)
        if definitions := store.definitions.all():
            return store, definitions
        if name_or_path not in shipped():  # a folder of something else, or of a run cut short
            raise _without_results(f"of {name_or_path} in {results}", name_or_path)
    study = find(name_or_path)
    store = Store(results, study.name)
    return store, store.definitions.all() or [study]


def _without_results(place: str, study: str) -> UserError:
    return UserError(f"no results {place}; run first: untuned run {study}")


def own_results(name: str, results: str) -> "Store":
    """Return the results of a study in a folder or URI, to be changed.

    Args:
        name: the study's name or file, or the folder or URI of its results.
        results: the folder or URI of all results.

    Raises:
        UserError: there are no results.
    """
    if is_place(name):
        from analysis.places import store_of

        store = store_of(name)
        place, study = f"in {name}", store.study
    else:
        store, _ = store_and_definitions(name, results)
        place, study = f"of {store.study} in {results}", name
    if not store.definitions.all():
        raise _without_results(place, study)
    return store


def is_place(name: str) -> bool:
    """Whether the user named the folder or URI of a study's results instead of a study."""
    return "/" in name and not is_study_file(name)


def places(name: str, results: str) -> "list[Store]":
    """Return where a study has results: first in a folder or URI, then the shipped ones.

    The shipped results belong to the study of this name; they do not join results that are named by
    their place, or by a study file.

    Args:
        name: the study's name or file, or the folder or URI of its results.
        results: the folder or URI of all results.

    Raises:
        UserError: there are no results.
    """
    from studies.store import Store, shipped, studies_in

    published = shipped.store(name)
    if published is None:
        return [own_results(name, results)]
    own = [Store(results, name)] if name in studies_in(results) else []
    return [*(store for store in own if store.definitions.all()), published]


def places_and_definitions(name: str, results: str) -> "tuple[list[Store], list[Study]]":
    """Return where a study has results, and the definitions that were run.

    As `places`, except that a study need not have results; see `store_and_definitions`.

    Raises:
        UserError: there is no such study, or there are no results in the place.
    """
    from studies.store import Store, shipped
    from studies.store.registers import Register, joined

    if is_place(name):
        store = own_results(name, results)
        return [store], store.definitions.all()
    if shipped.store(name) is None:
        store, definitions = store_and_definitions(name, results)
        return [store], definitions
    stores = places(name, results)
    if len(stores) == 1:  # the shipped results; a run that has just begun is seen in its own
        stores = [Store(results, name), *stores]
    registers = [Register.of(store) for store in stores]
    recorded = joined(registers[0], registers[-1])
    return stores, [one.study for one in recorded]


def from_results(names: Sequence[str], results: str, make: "Callable[[Results], T]") -> "T":
    """Return what a function makes of the results of several studies.

    Damaged parts are printed. Parts that are merged after they were listed cannot be read any
    more; then everything is read once more.

    Args:
        names: the studies, as `places` takes them.
        results: the folder or URI of all results.
        make: the function.

    Raises:
        UserError: a study has no results.
    """
    import analysis

    uris = [store.uri for name in names for store in places(name, results)]
    for is_last in (False, True):
        loaded = analysis.load(uris)
        try:
            made = make(loaded)
        except Exception as error:
            import duckdb  # which has no part in most commands

            if is_last or not isinstance(error, duckdb.Error):
                raise
            continue
        for line in loaded.left_out:
            print(line, file=sys.stderr)
        return made
    raise AssertionError


def trial_id(prefix: str, ids: Iterable[str], study: str) -> str:
    """Return the one id that begins with a prefix.

    Args:
        prefix: an id, or its beginning.
        ids: the ids of the study's trials.
        study: the study's name, for errors.

    Raises:
        UserError: no id begins so (the nearest ones are listed), or several do.
    """
    known = sorted(set(ids))
    matches = [known_id for known_id in known if known_id.startswith(prefix.lower())]
    if len(matches) == 1:
        return matches[0]
    if not known:
        raise UserError(f"{study} has no trials yet; run first: untuned run {study}")
    if matches:
        raise UserError(
            f"trial {shown(prefix)}: {len(matches)} trials of {study} begin with it "
            f"({_listed(matches)}); give more of the id"
        )
    near = difflib.get_close_matches(prefix.lower(), known, n=_MOST_IDS, cutoff=0.3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {_listed(known)}"
    raise UserError(f"trial {shown(prefix)}: no id of {study} begins with it; {hint}")


def _listed(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else ""
    return f"{', '.join(ids[:_MOST_IDS])}{more}"

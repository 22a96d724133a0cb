"""The studies that have results, with what is finished, running and failed in each."""

from dataclasses import dataclass

from orchestrator.status.snapshot import SnapshotReader
from studies.errors import UserError
from studies.store import Store, shipped, studies_in


@dataclass(frozen=True)
class StudyState:
    """A study with results.

    Attributes:
        study: its name.
        planned: number of trials.
        finished: number of them that are finished.
        training: number of them that workers are training.
        runs: number of runs of it that are alive.
        failed: number of trials whose last attempt failed.
        bytes: the size of its results.
        shipped: whether some of its results are shipped ones.
        problem: why its state is not known; else empty.
    """

    study: str
    planned: int | None
    finished: int | None
    training: int | None
    runs: int | None
    failed: int | None
    bytes: int
    shipped: bool
    problem: str = ""


def overview(results: str) -> list[StudyState]:
    """Return the studies that have results in a folder, and those whose results are shipped.

    Args:
        results: the folder or URI of all results.

    Raises:
        UserError: it cannot be listed.
    """
    own, published = set(studies_in(results)), set(shipped.names())
    states = []
    for name in sorted(own | published):
        stores = [Store(results, name)] if name in own else []
        stores += filter(None, [shipped.store(name)])
        states.append(_state(name, stores, is_shipped=name in published))
    # Another program's folder may look like a study's, but no definition plans anything.
    return [state for state in states if state.planned != 0 or state.shipped]


def _state(name: str, stores: list[Store], *, is_shipped: bool) -> StudyState:
    """Return the state of a study; what is wrong with it is no problem of the others."""
    size = sum(store.size() for store in stores)
    try:
        now = SnapshotReader(stores, []).read()
    except UserError as error:
        return StudyState(name, None, None, None, None, None, size, is_shipped, str(error))
    counts = (now.planned, now.done, now.training, len(now.runs), now.failed)
    return StudyState(name, *counts, size, is_shipped)

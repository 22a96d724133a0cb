"""The tables `epochs`, `layers` and `masks` of studies, as DuckDB relations that read on demand."""

import functools
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from studies.store import Store
from studies.store.finished import Finished
from studies.trial import SETTABLE

if TYPE_CHECKING:
    import duckdb
    import pyarrow.dataset as ds

TABLES = ("epochs", "layers", "masks")
#: The columns of `trials` that the rows of the other tables also have.
_JOINED = ("study", *SETTABLE, "outcome")
#: SQL for the columns that are derived from a table's own.
_DERIVED = {"layers": ", (mask_negative + mask_zero) / connections AS changed"}
#: DuckDB's optimizers that use the number of rows. Without them a join is done as it is written,
#: with the table on the right in memory.
_MISLED = "join_order,build_side_probe_side,partial_aggregate_pushdown"


class Relations:
    """The tables of some studies: nothing is opened before it is asked for.

    Args:
        trials: a row per finished trial.
        studies: the results of each study, and its finished trials.
        attempts: the attempts of `trials` that are those of each study.
    """

    def __init__(
        self,
        trials: pd.DataFrame,
        studies: Sequence[tuple[Store, Finished]],
        attempts: Sequence[set[str]],
    ) -> None:
        self._trials, self._studies, self._attempts = trials, studies, attempts
        self._made: dict[str, duckdb.DuckDBPyRelation] = {}
        self._named = False

    @cached_property
    def _connection(self) -> "duckdb.DuckDBPyConnection":
        import duckdb

        connection = duckdb.connect()
        # These take an Arrow data set for one row, and would load all of its rows to join a few
        # others.
        connection.execute(f"SET disabled_optimizers = '{_MISLED}'")
        return connection

    @property
    def connection(self) -> "duckdb.DuckDBPyConnection":
        """DuckDB's connection, in memory, with all tables as views."""
        if not self._named:  # which takes longer than many a query
            self._connection.register("trials", self._trials)
            for table in TABLES:
                self.table(table).create_view(table)
            self._named = True
        return self._connection

    def table(self, name: str) -> "duckdb.DuckDBPyRelation":
        """Return a table: the rows of the trials, with the trials' fields."""
        if name not in self._made:
            self._made[name] = self._relation(name)
        return self._made[name]

    def final(self, name: str) -> "duckdb.DuckDBPyRelation":
        """Return the rows of a table after each trial's last epoch."""
        last = self.frame(self._trials[["attempt", "last_epoch"]]).set_alias("last")
        rows = self.table(name).set_alias("rows")
        joined = rows.join(last, "rows.attempt = last.attempt AND rows.epoch = last.last_epoch")
        return joined.project("rows.*")

    def frame(self, rows: pd.DataFrame) -> "duckdb.DuckDBPyRelation":
        """Return a frame as a relation without a name, which leaves nothing behind."""
        return self._connection.from_df(rows)

    def recorded(self, table: str, columns: Sequence[str]) -> pd.DataFrame:
        """Return columns of the rows of a table in which the first of them is not null.

        Without SQL, which takes longer than reading a little. All of these rows are in memory, so
        this is for what is recorded once per trial.

        Args:
            table: one of `TABLES`.
            columns: its columns.

        Returns:
            These columns, and `attempt`.

        Raises:
            duckdb.Error: parts were merged since the results were loaded, as in a query.
        """
        import pyarrow.compute as pc

        keys, frames = ["attempt", "part", "origin"], []
        origin = pc.coalesce(pc.field("merged_from"), pc.field("part"))
        read = {name: pc.field(name) for name in ("attempt", "part", *columns)} | {"origin": origin}
        for data, places in self._counted(table):
            try:
                rows = data.to_table(read, filter=pc.field(columns[0]).is_valid())
            except FileNotFoundError as error:
                import duckdb

                raise duckdb.IOException(str(error)) from None
            frames.append(rows.to_pandas().merge(places, on=keys))
        together: pd.DataFrame = pd.concat(frames, ignore_index=True)
        return together[["attempt", *columns]]

    def _counted(self, table: str) -> Iterator["tuple[ds.Dataset, pd.DataFrame]"]:
        """Yield a table of each study, and which of its rows count: attempt, part and origin."""
        for (store, done), attempts in zip(self._studies, self._attempts, strict=True):
            places = done.keys(table).to_pandas()
            places = places[places["attempt"].isin(attempts)]
            yield store.tables.dataset(table, places["part"].unique()), places

    def _relation(self, table: str) -> "duckdb.DuckDBPyRelation":
        """Put a table together from relations without names, so that a user finds only tables."""
        of_studies = []
        for data, places in self._counted(table):
            counted = (
                self._connection.from_arrow(data)
                .set_alias("r")
                .join(
                    self.frame(places).set_alias("k"),
                    "r.attempt = k.attempt AND r.part = k.part "
                    "AND coalesce(r.merged_from, r.part) = k.origin",
                )
            )
            of_studies.append(counted.project("r.* EXCLUDE (merged_from, part)"))
        rows = functools.reduce(lambda one, other: one.union(other), of_studies).set_alias("r")
        fields = self.frame(self._trials[["attempt", *_JOINED]]).set_alias("t")
        joined = rows.join(fields, "r.attempt = t.attempt")
        return joined.project(f"r.*{_DERIVED.get(table, '')}, t.* EXCLUDE (attempt)")

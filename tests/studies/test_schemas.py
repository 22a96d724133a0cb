"""Nullable columns that came later: rows and parts without them, and lists in Parquet."""

import pyarrow as pa
import pytest

from studies import columns, schemas
from studies.store.writer import Writer
from studies.traits import TRAITS

LATER = {
    "layers": schemas.LAYERS.names[schemas.LAYERS.get_field_index("weight_reach") :],
    "trials": ["classes", *TRAITS, *schemas.CONTROLS, "multiply_adds"],
}
LISTS = ["weights_kept", "weights_changed", "scores_kept", "scores_changed"]


def test_which_they_are():
    assert LATER["layers"] == [
        "weight_reach",
        "weights_kept",
        "weights_changed",
        "scores_from",
        "scores_to",
        "scores_kept",
        "scores_changed",
        "connected",
        "live",
        "live_changed",
    ]
    for table, names in LATER.items():
        assert {*names} <= {*schemas.science(table)}
        assert all(schemas.TABLES[table].field(name).nullable for name in names)


@pytest.mark.parametrize("table", columns.TABLES)
def test_every_column_has_a_meaning_of_its_own_in_one_phrase(table):
    meanings = [column.meaning for column in columns.TABLES[table].columns]
    assert len(set(meanings)) == len(meanings)
    for meaning in meanings:
        assert meaning
        assert not meaning.endswith(".")
        assert "|" not in meaning  # it stands in a table of the documentation


def test_numbers_have_units_unless_they_count_or_parametrise():
    without = {
        column.name
        for table in ("layers", "epochs", "masks")
        for column in columns.TABLES[table].columns
        if not column.unit and column.kind not in (pa.string(), pa.list_(pa.int32()))
    }
    assert without == {"epoch", "layer"}


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("table", LATER)
def test_they_are_null_where_nothing_was_recorded(table, older, store, trial, record, monkeypatch):
    """In rows that have no such columns, and in parts that were written before they existed."""
    with monkeypatch.context() as patch:
        if older:
            schema = schemas.TABLES[table]
            early = [about for about in schema if about.name not in LATER[table]]
            patch.setitem(schemas.TABLES, table, pa.schema(early, metadata=schema.metadata))
        writer = Writer(store)
        record(writer, trial())
        writer.flush()
    rows = store.tables.read(table).rows
    assert rows.schema.remove(len(rows.schema) - 1).equals(schemas.TABLES[table])
    assert len(rows) == (2 if table == "layers" else 1)
    assert all(row[name] is None for row in rows.to_pylist() for name in LATER[table])


def test_histograms_come_back_beside_rows_without(store, trial, layer):
    counts = {name: [3, 0, 3] for name in LISTS}
    ends = {"weight_reach": 0.1, "scores_from": -0.5, "scores_to": 2.0}
    key = {"trial_id": trial().trial_id, "attempt": "a-1"}
    store.tables.write(
        "layers", [key | layer, key | layer | {"epoch": 1} | counts | ends], "abc", 1
    )
    first, last = store.tables.read("layers").rows.to_pylist()
    assert [last[name] for name in LISTS] == [[3, 0, 3]] * 4
    assert {name: last[name] for name in ends} == ends
    assert [first[name] for name in LATER["layers"]] == [None] * 10

"""Study files that nobody should write: each is a study, or is refused in one line."""

import copy
import json
import random
import string

import pytest
import yaml
from fuzz_support import amounts, refused

from orchestrator.cli import main
from orchestrator.plan import check
from studies import strict_yaml
from studies import study as module
from studies.errors import UserError
from studies.names import join
from studies.study import LIBRARY, find, from_mapping, read
from studies.trial import FIELDS, SETTABLE

VALID = """\
seeds: 2
margin: 0.5
axes: {network: lenet-5, dataset: digits, method: dense, weights: he-normal, epochs: 1}
"""


def laughs(deep, wide, merged=False):
    """Lines of YAML whose aliases, written out, are wide ** deep values."""
    lines = ["a0: &a0 {x0: 1}" if merged else "a0: &a0 [x, x]"]
    for n in range(1, deep):
        many = ", ".join([f"*a{n - 1}"] * wide)
        lines.append(
            f"a{n}: &a{n} {{<<: [{many}], x{n}: 1}}" if merged else f"a{n}: &a{n} [{many}]"
        )
    return "\n".join(lines) + "\n"


UNPRINTABLE = "character that cannot be printed"
HOSTILE = {
    "laughs": (laughs(9, 9), "its aliases make it more than 100,000 values"),
    "merged laughs": (laughs(9, 9, merged=True), "its aliases make it more than 100,000 values"),
    "smaller laughs": (laughs(4, 9) + VALID.replace("2", "*a3", 1), "unknown field 'a0'"),
    "laughs in a value": (f"axes:\n  epochs: [{laughs(5, 9)}]", "not YAML"),
    "alias of itself": ("seeds: &a [*a]\n", "an alias is inside the value that it stands for"),
    "merge of itself": ("axes: &a {<<: *a}\n", "an alias is inside the value that it stands for"),
    "unknown alias": ("seeds: *a\n", "found undefined alias 'a' (line 1, column 8)"),
    "deep lists": ("seeds: " + "[" * 10_000, "nested more than 20 deep (line 1, column 27)"),
    "deep mappings": ("axes: " + "{a: " * 10_000, "nested more than 20 deep"),
    "deep blocks": ("- " * 1000 + "a", "nested more than 20 deep"),
    "python object": ("seeds: !!python/object/apply:os.system [id]", "could not determine a const"),
    "python name": ("seeds: !!python/name:os.system", "could not determine a constructor"),
    "own tag": ("seeds: !seeds 3", "could not determine a constructor for the tag '!seeds'"),
    "empty int": ("seeds: !!int ''", "'' is not of the kind int (line 1, column 8)"),
    "no bool": ("seeds: !!bool maybe", "'maybe' is not of the kind bool"),
    "no time": ("seeds: !!timestamp soon", "'soon' is not of the kind timestamp"),
    "no date": ("seeds: 2026-99-99", "month must be in 1..12 (line 1, column 8)"),
    "long int": ("seeds: " + "9" * 5000, "a number of more than 400 digits (line 1, column 8)"),
    "long hex": ("seeds: 0x" + "f" * 100_000, "a number of more than 400 digits"),
    "base 60": ("seeds: 1" + ":10" * 50_000, "a number of more than 400 digits"),
    "duplicate": ("seeds: 1\nseeds: 2", "the key 'seeds' is given twice (line 2, column 1)"),
    "list as key": ("? [seeds]\n: 1", "a key must be a name"),
    "two documents": ("---\nseeds: 1\n---\nseeds: 2\n", "expected a single document"),
    "nul": ("seeds: 1\0", "the character U+0000 at position 8 is not allowed"),
    "escape": ("description: '\x1b[31m'", "the character U+001B at position 14 is not allowed"),
    "hidden escape": ('description: "\\e[31m"', r"'\x1b[31m' contains a character that cannot be"),
    "half a character": ('description: "\\ud800"', r"'\ud800' contains a character that cannot be"),
    "not utf-8": (b"description: \xff\n", "not UTF-8 text"),
    "utf-16": ("seeds: 1".encode("utf-16"), "not UTF-8 text"),
    "too long": ("# " + "x" * 2**20, "more than 1 MiB; is it one?"),
    "empty": ("", "a study file is a mapping"),
    "list": ("[1, 2]", "a study file is a mapping"),
    "traversal in name": (VALID + "name: ../../up", "name: '../../up': only lower"),
    "name like an option": (VALID + "name: -x", "at most 100, and a letter or digit first"),
    "absolute name": (VALID + "name: /etc/passwd", "name: '/etc/passwd': only lower-case"),
    "long name": (VALID + "name: " + "x" * 100_000, "name: 'xxx"),
    "name with a line": (VALID + 'name: "own\\n"', "name: 'own\\n': only lower-case letters"),
    "number as name": (VALID + "name: 12", "name: 12 is not a text; put quotes"),
    "bool as margin": (VALID.replace("0.5", "yes"), "margin: true is not a number of points"),
    "text as margin": (VALID.replace("0.5", "'1'"), "margin: '1' is not a number of points"),
    "data as list": (VALID + "data: [a]", "data: ['a'] is not a mapping of names"),
    "date as name": (VALID.replace("dense", "2026-01-31"), "method: 2026-01-31 is not a name"),
    "time as name": (
        VALID.replace("dense", "2026-01-31 12:00:00"),
        "method: 2026-01-31 12:00:00 is not a name",
    ),
    "nan": (VALID.replace("0.5", ".nan"), "margin: nan is not a number of points"),
    "infinite": (VALID.replace("0.5", ".inf"), "margin: inf is not a number of points"),
    "beyond floats": (VALID.replace("0.5", "1_0e999"), "1_0e999: a number that is too large (line"),
    "huge margin": (VALID.replace("0.5", "9" * 399), "margin: 999"),
    "no as description": (VALID + "description: no", "description: false is not a text; put"),
    "empty data": (VALID + "data:", "data: (empty) is not a mapping of names to values"),
    "empty field": (VALID.replace("dense", ""), "method: (empty) is not a name"),
    "empty axes": ("seeds: 1\naxes:", "axes: (empty) is not a mapping of fields"),
    "text as claims": (VALID + "claims: C1", "claims: 'C1' is not a list"),
    "no claim": (VALID + "claims: ['1 2']", "claims.0: '1 2' is not the id of a claim, such as C6"),
    "one as truth": (VALID + "keep_networks: 1", "keep_networks: 1 is not true or false"),
    "other combination": (VALID + "combine: all", "combine: 'all' is not 'product' or 'pairwise'"),
    "no seeds": (VALID.replace("seeds: 2", "description: x"), "seeds: is not given; add it"),
    "bool as key": (VALID + "yes: 1", "unknown field true; known: "),
    "bool as seeds": (VALID.replace("2", "true", 1), "seeds: true is neither a number such as 15"),
    "huge seeds": (VALID.replace("2", "9" * 399, 1), "is not a number of seeds from 1 to 1000000"),
    "huge float": (
        VALID.replace("epochs: 1", "epochs: 1, learning_rate: 1" + "0" * 390),
        "axes: learning_rate: 1000",
    ),
    "huge seed": (VALID.replace("2", "[99999999999999999999]", 1), "is not a whole number"),
    "date as seeds": (VALID.replace("2", "2026-01-01", 1), "seeds: 2026-01-01 is neither"),
    "nested value": (VALID.replace("dense", "[[dense]]"), "method: ['dense'] is not a name"),
    "nul in a path": (VALID.replace("digits", '"folder:/a\\0b"'), UNPRINTABLE),
    "line in a path": (VALID.replace("digits", '"folder:a\\nb"'), UNPRINTABLE),
    "file as data set": (VALID.replace("digits", "/etc/passwd"), "unknown dataset '/etc/passwd'"),
    "long network": (VALID.replace("lenet-5", "lenet-" + "9" * 5000), "longer than 4096"),
    "source without kind": (VALID + "data: {pets: ../../x}", "data '../../x': give folder:PATH or"),
    "unknown kind": (
        VALID.replace("digits", "pets") + "data: {pets: 'zip:/etc/passwd'}",
        "unknown dataset 'zip:/etc/passwd'",
    ),
    "line in a source": (VALID + 'data: {pets: "folder:a\\nb"}', UNPRINTABLE),
    "no user": (VALID + "data: {pets: 'folder:~nobody-here/x'}", "there is no such user"),
    "a billion trials": (
        VALID.replace(
            "epochs: 1",
            f"epochs: {list(range(1000))}, batch_size: {list(range(1, 1001))}, "
            f"learning_rate: {list(range(1, 501))}",
        ),
        "multiplied out it has 1000000000 trials, at most 1,000,000 are allowed; give its axes",
    ),
    "many seeds": (
        VALID.replace("seeds: 2", "seeds: 400000").replace("dense", "[dense, snip, synflow]"),
        "multiplied out it has 1200000 trials",
    ),
    "all fields": (
        "seeds: 1000\naxes:\n" + "".join(f"  {name}: {['x'] * 100}\n" for name in FIELDS
                                          if FIELDS[name].type is str and name != "revisions"),
        "unknown augmentation 'x'",
    ),
    "pairwise": (
        VALID.replace(
            "epochs: 1", f"epochs: {list(range(400))}, batch_size: {list(range(1, 401))}"
        )
        + "combine: pairwise",
        "pairs of values, at most 100,000 are allowed",
    ),
}  # fmt: skip


def answer(path):
    """What becomes of a study file: its trials, or the one line that refuses it."""
    said = refused(read, path)
    if said:
        assert said.startswith((f"study file {path}: ", f"{path}: "))
        return said
    given = read(path)
    said = refused(check, given)
    assert not said or said.startswith(f"study {given.name}: ")
    return said or check(given)


@pytest.mark.parametrize(("content", "message"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_refused_is_told_in_one_line(content, message, tmp_path, capsys):
    path = tmp_path / "own.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    said = answer(path)
    assert message in said
    refused_by_the_command_line(path, said, tmp_path, capsys)


def refused_by_the_command_line(path, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["run", str(path), "--dry-run", "--results", str(tmp_path / "results")])
    captured = capsys.readouterr()
    assert (ended.value.code, captured.out) == (2, "")
    assert captured.err == f"untuned: {said}\n"
    assert not (tmp_path / "results").exists()


ALLOWED = {
    "aliases": VALID.replace("1}", "&n 1, batch_size: [*n, 2]}"),
    "byte order mark": "\ufeff" + VALID,
    "unicode": VALID + "description: 'Größe ½ — 数字 🙂‍↔️'",
    "lines": VALID + "description: |\n  one\n  two\n",
    "pictures elsewhere": VALID.replace("digits", "'folder:../../😀 pets'"),
    "dots": VALID + "name: a..b",
}


@pytest.mark.parametrize("content", ALLOWED.values(), ids=ALLOWED)
def test_what_is_unusual_and_well_meant_is_read(content, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(content, encoding="utf-8")
    assert len(answer(path)) in (2, 4)


def test_what_is_merged_in_may_be_overridden(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        VALID + "grids:\n  - {<<: {method: dense}}\n  - {<<: &c {<<: {epochs: 2}, epochs: 3}}\n"
        "  - {<<: *c, epochs: 4}\n"
    )
    assert [trial.epochs for trial in answer(path)] == [1, 1, 3, 3, 4, 4]


def test_an_endless_file_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "own.yaml"
    path.symlink_to("/dev/zero")
    assert "it is a pipe or a device; give a regular file" in answer(path)


def test_values_that_do_not_come_from_yaml_are_refused_too():
    axes = yaml.safe_load(VALID)["axes"]
    for change in (
        {"margin": 16**5000},
        {"seeds": 16**5000},
        {"seeds": [16**5000]},
        {"axes": axes | {"width": 16**5000}},
        {"axes": axes | {"epochs": [[16**5000]]}},
        {"axes": axes | {"method": "x" * 10**6}},
    ):
        with pytest.raises(UserError, match=r"^own: ") as error:
            from_mapping({"name": "own", "seeds": 1, "axes": axes} | change, "own")
        assert len(str(error.value)) < 2000


#: Texts that stand for a value in YAML, of all types, good and bad.
VALUES = [
    *("0", "1", "2", "-1", "1.0", "0.5", "1e-3", "1e400", "-0.0", ".nan", ".inf", "-.inf", "1_000"),
    *("0x10", "0o7", "017", "1:30", "9" * 30, "9" * 5000, "1e-400", "4.9e-324", "2" * 310),
    *(
        "true",
        "no",
        "null",
        "~",
        "''",
        "' x '",
        "2026-01-01",
        "2026-01-01T10:00:00Z",
        "!!binary aGk=",
    ),
    *("!!int x", "!!float ''", "!!bool 3", "!!set {a, b}", "!!omap [a: 1]", "!!pairs [a: 1]"),
    *("!!python/object:os.system {}", "!!str 3", "!x y", "*a", "&a x", "&a [1, *a]", "<<", "="),
    *("[]", "{}", "[[]]", "[1, 1]", "[1, true]", "[null]", "{a: 1}", "{seed: 1}", "[1, [2]]"),
    *("dense", "digits", "lenet-300-100", "lenet-0", "lenet--1", "lenet-" + "9" * 400, "lenet-x"),
    *("conv2", "resnet20", "resnet21", "he-normal", "lognormal(sigma=1)", "lognormal(sigma=nan)"),
    *("lognormal(sigma=1,sigma=2)", "lognormal(", "snip(shuffled)", "snip(shuffled=1)", "x(y)(z)"),
    *("lottery-ticket(rewind=99999999999)", "pairwise", "'folder:../../x'", "'folder:/etc/passwd'"),
    *(
        "'folder:..'",
        "'folder(size=-1):x'",
        "'folder(size=16):x'",
        "'parquet:'",
        "'x:y'",
        "'a:\\0'",
    ),
    *(
        '"folder:\\0"',
        '"folder:a\\nb"',
        '"\\ud800"',
        '"\\e[31m"',
        "😀",
        "'\u202e'",
        "../../x",
        "/etc",
    ),
    *(
        "'" + "x" * 300 + "'",
        "'" + "y" * 5000 + "'",
        "CON",
        "a/b",
        "'a b'",
        "'%s'",
        "'{}'",
        "'$x$'",
    ),
]
FIELDS_OF_A_FILE = ("name", "description", "margin", "seeds", "tuning_seeds", "axes", "grids")
KEYS = [
    *SETTABLE,
    *FIELDS_OF_A_FILE,
    "tuned",
    "data",
    "combine",
    "seed",
    "revisions",
    "x",
    "",
    "<<",
    "1",
]
SNIPPETS = [
    *(
        "\0",
        "\ufeff",
        "\x1b",
        "\u2028",
        "\x85",
        "\t",
        "\r",
        "\n",
        "#",
        "'",
        '"',
        "[",
        "]",
        "{",
        "}",
    ),
    *(
        ":",
        "- ",
        "? ",
        "| ",
        "> ",
        "& ",
        "* ",
        "!",
        "!!",
        "%YAML 9.9\n",
        "---\n",
        "...\n",
        "@",
        "`",
    ),
    *("é", "🙂", "\\", ", ", ": ", "seeds: 3\n", "\naxes: {}\n", "<<: *a\n", "&a", "*a"),
]


class Raw(str):
    """Text that stands in the YAML as it is."""


def written(content):
    """Plain values as YAML, of which JSON is a part."""
    if isinstance(content, dict):
        pairs = (f"{json.dumps(key)}: {written(value)}" for key, value in content.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(content, list):
        return "[" + ", ".join(map(written, content)) + "]"
    return content if isinstance(content, Raw) else json.dumps(content)


def places(content):
    """All (container, key) pairs of nested mappings and lists."""
    if not isinstance(content, (dict, list)):
        return []
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    return [(content, key) for key in keys] + [p for key in keys for p in places(content[key])]


def generated(rng):
    """A small study that is valid, or nearly so."""
    axes = {
        "network": rng.choice(["lenet-5", "conv2", "resnet8", "linear"]),
        "dataset": rng.choice(["digits", "mnist", "folder:pets"]),
        "epochs": rng.randint(0, 9),
        "method": rng.sample(["dense", "free-pruning", "supermask"], rng.randint(1, 3)),
        "weights": rng.choice(["he-normal", ["binary", "binary(scaled)"]]),
    }
    for name in rng.sample(SETTABLE, rng.randint(0, 3)):
        about = FIELDS[name]
        good = {int: 1, float: [0.1, 0.2], bool: True, str: about.default}[about.type]
        axes.setdefault(name, good)
    return {"seeds": rng.choice([1, 3, [1, 2]]), "axes": axes, "grids": [{}, {"epochs": 2}]}


def mutated(rng, shipped):
    """The bytes of a study file that is a few changes away from a valid one."""
    content = copy.deepcopy(rng.choice(shipped)) if rng.random() < 0.6 else generated(rng)
    if isinstance(content.get("seeds"), int):
        content["seeds"] = min(content["seeds"], 2)
    for _ in range(rng.choice([0, 1, 1, 1, 2])):
        container, key = rng.choice(places(content))
        what, value = rng.randrange(6), Raw(rng.choice(VALUES))
        if what == 0:
            del container[key]
        elif what == 1 and isinstance(container, dict):
            container[rng.choice(KEYS)] = value
        elif what == 2 and isinstance(container, dict):
            container[join(key, {"y": "1"}) if isinstance(key, str) else "z"] = container.pop(key)
        elif what == 3:
            container[key] = [container[key], value]
        else:
            container[key] = value
        if not content:
            break
    text = "".join(f"{json.dumps(k)}: {written(v)}\n" for k, v in content.items())
    for _ in range(rng.choice([0, 0, 0, 0, 1])):
        at = rng.randrange(len(text) + 1)
        text = rng.choice(
            [
                text[:at] + rng.choice(SNIPPETS) + text[at:],
                text[:at] + text[at + rng.randint(1, 5) :],
                text[:at] + rng.choice(string.printable) + text[at + 1 :],
                text + rng.choice(KEYS) + ": " + rng.choice(VALUES) + "\n",
            ]
        )
    raw = bytearray(text.encode("utf-8"))
    if rng.random() < 0.05:
        raw.insert(rng.randrange(len(raw) + 1), rng.randrange(256))
    return bytes(raw)


@amounts(150, 10_000)
def test_files_near_a_study_are_studies_or_refused(cases, tmp_path, capsys):
    rng = random.Random(0)
    shipped = [strict_yaml.load(path.read_text()) for path in sorted(LIBRARY.glob("*.yaml"))]
    path = tmp_path / "own.yaml"
    refused, told = 0, set()
    for case in range(cases):
        path.write_bytes(mutated(rng, shipped))
        said = answer(path)
        if isinstance(said, str):
            refused += 1
            told.add(said)
            if case % 10 == 0:  # the real command line for every tenth
                refused_by_the_command_line(path, said, tmp_path, capsys)
    with capsys.disabled():
        print(
            f"\n{cases} study files: {cases - refused} valid, {refused} refused in {len(told)} ways"
        )
    assert 0.2 * cases < refused < 0.9 * cases
    assert len(told) > 0.2 * refused


def test_all_shipped_studies_are_within_the_bounds():
    assert all(len(find(name).trials()) < module._MOST_TRIALS for name in module.shipped())

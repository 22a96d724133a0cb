"""What the files of methods, networks, weights, data sets and activations may declare."""

import subprocess
import sys

import pytest

from studies.components import declarations
from studies.errors import UserError
from trainers import registry


@pytest.mark.parametrize("kind", registry.KINDS)
def test_all_shipped_components_pass(kind):
    names = [component.name for component in registry.components(kind)]
    files = [c.file.stem for c in registry.components(kind) if c.module.startswith("trainers.")]
    assert len(set(names)) == len(names) > 0
    assert files == sorted(files)
    assert all(c.kind == kind and c.file.exists() for c in registry.components(kind))


def test_their_declarations_are_those_of_their_modules():
    for kind in registry.KINDS:
        for component in registry.components(kind):
            module = component.load()
            assert component.declared == {
                name: getattr(module, name)
                for name in registry.DECLARATIONS[kind]
                if hasattr(module, name)
            }


@pytest.mark.parametrize(
    ("kind", "line", "allowed"),
    [
        ("method", "REVISION = 0", "a whole number, at least 1"),
        ("method", "REVISION = 2.0", "a whole number, at least 1"),
        ("method", "REVISION = True", "a whole number, at least 1"),
        ("method", "READS = 'density'", 'a tuple of fields of a trial, such as ("density",)'),
        ("method", "READS = ('densty',)", 'a tuple of fields of a trial, such as ("density",)'),
        ("method", "READS = ('revisions',)", "a tuple of fields of a trial"),
        ("network", "REFUSES = ('width', 1)", "a tuple of fields of a trial"),
        ("network", "PATTERN = 'lenet(('", "a regular expression"),
        ("network", "PATTERN = 5", "a regular expression"),
        ("network", "EXAMPLES = 'lenet'", "a tuple of at least one name"),
        ("network", "EXAMPLES = ()", "a tuple of at least one name"),
        ("network", "NOTE = ('a', 'b')", "a text"),
        ("weights", "PARAMETERS = ('sigma',)", "for each parameter (default, smallest, largest)"),
        ("weights", "PARAMETERS = {'sigma': 1.0}", "for each parameter"),
        ("weights", "PARAMETERS = {'sigma': (1.0, 2.0)}", "for each parameter"),
        ("weights", "PARAMETERS = {'sigma': (1.0, 5.0, 0.1)}", "for each parameter"),
        ("weights", "PARAMETERS = {'sigma': (True,)}", "for each parameter"),
        ("weights", "PARAMETERS = {'sigma': ('a', 'b', 'c')}", "for each parameter"),
        ("method", "LEAST_EPOCHS = '1'", "a whole number, at least 0"),
        ("method", "MIXES = 1", "True or False"),
        ("method", "NEEDS = {'optimiser': 'sgd'}", "fields of a trial with the values"),
        ("dataset", "SHAPE = (28, 28)", "channels, height and width, such as (1, 28, 28)"),
        ("dataset", "CLASSES = 0", "a whole number, at least 1"),
        ("dataset", "IMAGES = 60000", "two whole numbers, such as (55_000, 15_000)"),
    ],
)
def test_types_that_are_refused(kind, line, allowed, tmp_path):
    file = tmp_path / "given.py"
    file.write_text(f"{line}\n")
    with pytest.raises(UserError) as error:
        declarations(file, registry.DECLARATIONS[kind])
    name, _, _ = line.partition(" ")
    assert str(error.value).startswith(f"component {file}, line 1: {name} = ")
    assert f"is not allowed; give {allowed}" in str(error.value)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("method", "READS = ['density']"),
        ("method", "READS: tuple[str, ...] = ()"),
        ("method", "PARAMETERS = {'rewind': (0, 1, 1000), 'shuffled': (False,)}"),
        ("method", "NEEDS = {'optimizer': 'sgd'}"),
        ("dataset", "SHAPE = (3, 32, 32)"),
        ("network", "SHAPE = compute()"),  # known of data sets only
    ],
)
def test_types_that_are_allowed(kind, line, tmp_path):
    file = tmp_path / "given.py"
    file.write_text(f"{line}\n")
    declarations(file, registry.DECLARATIONS[kind])


@pytest.mark.parametrize("name", ["ORDER", "METHOD", "BINS", "THRESHOLD", "_PRIVATE"])
@pytest.mark.parametrize("kind", registry.KINDS)
def test_constants_that_a_file_may_have(kind, name, tmp_path):
    file = tmp_path / "given.py"
    file.write_text(f"{name} = compute()\n")
    assert declarations(file, registry.DECLARATIONS[kind]) == {}


@pytest.mark.parametrize("name", ["REVISON", "READ", "PATERN", "LEAST_EPOCH"])
def test_misspelt_declarations_of_a_method(name, tmp_path):
    file = tmp_path / "given.py"
    file.write_text(f"{name} = 1\n")
    with pytest.raises(UserError, match=f"unknown declaration {name}; did you mean"):
        declarations(file, registry.DECLARATIONS["method"])


@pytest.fixture
def plug_in(tmp_path):
    """Run a command beside a package that adds the method `mine`, from files with this content."""
    about = tmp_path / "foreign-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[untuned.methods]\nmine = foreign.mine\n")
    (tmp_path / "foreign").mkdir()

    def run(package, module, *arguments):
        (tmp_path / "foreign" / "__init__.py").write_text(package)
        (tmp_path / "foreign" / "mine.py").write_text(module)
        code = (
            f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
            f"from orchestrator.cli import main; main({arguments!r})"
        )
        answer = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert "Traceback" not in answer.stderr
        return answer

    return run


_TRAIN = ("train", "--network", "linear", "--epochs", "0", "--method")


@pytest.mark.parametrize(
    ("package", "module", "where"),
    [
        ("", "REVISON = 2\n", "foreign/mine.py, line 1: unknown declaration REVISON"),
        ("", "x = 1\ny = = 2\n", "foreign/mine.py, line 2: not Python"),
        ("\nx = = 2\n", "", "foreign/__init__.py, line 2: invalid syntax"),
        ("import math\n\nmath.nothing\n", "", "foreign/__init__.py, line 3: module 'math'"),
    ],
)
def test_a_component_with_an_error_costs_its_own_name_alone(package, module, where, plug_in):
    others = plug_in(package, module, *_TRAIN, "dense")
    assert others.returncode == 0
    assert "untuned: left out: " in others.stderr
    assert where in others.stderr
    itself = plug_in(package, module, *_TRAIN, "mine")
    assert itself.returncode == 2
    assert where in itself.stderr.splitlines()[0]


def test_a_component_that_cannot_be_imported_is_named_when_it_is_used(plug_in):
    answer = plug_in("", "import math\n\nmath.nothing\n", *_TRAIN, "mine")
    assert answer.returncode == 2
    assert "foreign/mine.py, line 3: module 'math' has no attribute" in answer.stderr
    assert plug_in("", "import math\n\nmath.nothing\n", *_TRAIN, "dense").stderr == ""


def test_a_file_that_does_not_define_its_component_is_named(plug_in):
    answer = plug_in("", "METHODS = ()\n", *_TRAIN, "mine")
    assert answer.returncode == 2
    assert "foreign/mine.py defines no METHOD or method" in answer.stderr


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_kind_says_what_its_file_must_define(kind):
    for component in registry.components(kind):
        module, _ = registry.load(kind, component.examples[0])
        assert any(hasattr(module, name) for name in registry._DEFINES[kind])

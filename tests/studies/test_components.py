"""Declarations are read from a component's source without running it, or refused in one line."""

import sys

import pytest

from studies import components
from studies.components import BrokenComponentError, Declaration, declarations
from studies.errors import UserError

KNOWN = {
    "REVISION": Declaration("a whole number, at least 1", lambda v: type(v) is int and v > 0),
    "READS": Declaration("a tuple of names", lambda v: isinstance(v, tuple)),
    "PATTERN": Declaration("a text", lambda v: isinstance(v, str)),
    "LEAST_EPOCHS": Declaration("a whole number", lambda v: type(v) is int),
}


@pytest.fixture
def read(tmp_path):
    """Read the declarations of a file with this content."""

    def declared(text):
        file = tmp_path / "component.py"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return declarations(file, KNOWN)

    return declared


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        ("", {}),
        ("REVISION = 2", {"REVISION": 2}),
        ("REVISION: int = 2", {"REVISION": 2}),
        ("from typing import Final\nREADS: Final = ('seed',)", {"READS": ("seed",)}),
        ("PATTERN = (\n    'a'\n    'b'\n)\nREVISION = 3", {"PATTERN": "ab", "REVISION": 3}),
        ("REVISION = 1\nREVISION = 2", {"REVISION": 2}),
        ("raise RuntimeError  # not run\nREVISION = 2", {"REVISION": 2}),
        ("# -*- coding: latin-1 -*-\nPATTERN = 'ä'".encode("latin-1"), {"PATTERN": "ä"}),
    ],
)
def test_what_is_understood(read, text, declared):
    assert read(text) == declared


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("REVISION = 1 + 1", 1),
        ("ONE = 1\nREVISION = ONE", 2),
        ("REVISION: int", 1),
        ("REVISION = 1\nREVISION += 1", 2),
        ("REVISION, OTHER = 2, 3", 1),
        ("(READS, [OTHER, *REVISION]) = 2, 3", 1),
        ("OTHER = REVISION = 2", 1),
        ("import sys\nif sys.path:\n    REVISION = 2", 3),
        ("try:\n    import x\nexcept ImportError:\n    REVISION = 2", 4),
        ("for REVISION in (1, 2):\n    pass", 1),
        ("with open('x') as REVISION:\n    pass", 1),
        ("print(REVISION := 2)", 1),
        ("from other import REVISION", 1),
        ("from other import VERSION as REVISION", 1),
        ("import REVISION", 1),
        ("def REVISION():\n    pass", 1),
        ("class REVISION:\n    pass", 1),
        ("match 1:\n    case REVISION:\n        pass", 2),
        ("REVISION = 1\ndel REVISION", 2),
        ("REVISION = {[]: 1}", 1),
        ("REVISION = " + "-" * 900 + "1", 1),
    ],
)
def test_another_form_is_refused_and_never_ignored(read, text, line, tmp_path):
    with pytest.raises(UserError) as error:
        read(text)
    message = str(error.value)
    assert message.startswith(f"component {tmp_path}/component.py, line {line}: ")
    assert "REVISION = VALUE" in message or "READS = VALUE" in message
    assert "\n" not in message


def test_the_refusal_says_what_is_allowed(read, tmp_path):
    with pytest.raises(UserError) as error:
        read("REVISION = 1 + 1")
    assert str(error.value) == (
        f"component {tmp_path}/component.py, line 1: REVISION is read without running the file; "
        "declare it at the top level as REVISION = VALUE, where VALUE is written out: "
        "a whole number, at least 1"
    )
    with pytest.raises(UserError) as error:
        read("\nREVISION: int = 0")
    assert str(error.value) == (
        f"component {tmp_path}/component.py, line 2: REVISION = 0 is not allowed; give a whole "
        "number, at least 1"
    )


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("REVISON", "REVISION"),
        ("REVISIONS", "REVISION"),
        ("READ", "READS"),
        ("PATERN", "PATTERN"),
        ("LEAST_EPOCH", "LEAST_EPOCHS"),
    ],
)
@pytest.mark.parametrize("form", ["{} = 1", "{}: int = 1", "{}, x = 1, 2", "if True:\n    {} = 1"])
def test_a_misspelt_declaration_is_refused(read, name, close, form, tmp_path):
    with pytest.raises(UserError) as error:
        read(form.format(name))
    message = str(error.value)
    assert message.startswith(f"component {tmp_path}/component.py, line ")
    assert message.endswith(
        f": unknown declaration {name}; did you mean {close}? write _{name} if it is something else"
    )


@pytest.mark.parametrize(
    "text",
    [
        "ORDER = compute()",
        "METHOD = object()",
        "BINS, EDGES = 1, 2",
        "_READS = 1",
        "_REVISION: int = len('x')",
        "revision = 1",
        "Read = 1",
        "from other import READ",
        "def f():\n    REVISION = compute()\n    READ = 1\n    return REVISION",
        "class C:\n    REVISION = 2\n    READ = 2",
        "f = lambda READS: READS",
        "print(READS)",
        "C.REVISION = 2",
    ],
)
def test_other_names_are_the_files_own_business(read, text):
    assert read(text) == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("REVISION = = 2", ", line 1: not Python: invalid syntax"),
        ("x = 1\n  y = 2", ", line 2: not Python: unexpected indent"),
        (b"\xff\xfe", "not Python: "),
        (b"x = 1\x00", "not Python: "),
        ("(" * 5000, "not Python: "),
    ],
)
def test_a_file_that_is_not_python_is_refused(read, content, reason, tmp_path):
    with pytest.raises(UserError) as error:
        read(content)
    assert str(error.value).startswith(f"component {tmp_path}/component.py")
    assert reason in str(error.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"component .*/missing\.py: No such file or directory"):
        declarations(tmp_path / "missing.py", KNOWN)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make a package that is installed with these entry points of the group ``a.group``."""

    def install(**modules):
        about = tmp_path / "other-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
        points = "".join(f"{name} = {module}\n" for name, module in modules.items())
        (about / "entry_points.txt").write_text(f"[a.group]\n{points}")
        monkeypatch.syspath_prepend(str(tmp_path))
        components.forget()

    yield install
    components.forget()


def test_components_of_a_folder_and_of_a_group(tmp_path, package):
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "two_words.py").write_text("REVISION = 2\nraise RuntimeError")
    (folder / "a.py").write_text("")
    (folder / "_hidden.py").write_text("REVISION = = 2")
    (folder / "a.txt").write_text("")
    (tmp_path / "other_module.py").write_text("READS = ('x',)\nVALUE = 7")
    package(added="other_module")
    found = components.discover("figure", folder, "some.figures", "a.group", KNOWN)
    assert [(c.kind, c.name, c.module, c.file, c.declared) for c in found] == [
        ("figure", "a", "some.figures.a", folder / "a.py", {}),
        ("figure", "two-words", "some.figures.two_words", folder / "two_words.py", {"REVISION": 2}),
        ("figure", "added", "other_module", tmp_path / "other_module.py", {"READS": ("x",)}),
    ]
    assert "other_module" not in sys.modules
    assert found[2].load().VALUE == 7
    del sys.modules["other_module"]
    assert [c.revision for c in found] == [1, 2, 1]
    assert [c.reads for c in found] == [(), (), ("x",)]
    assert components.in_folder("figure", tmp_path / "none", "x", KNOWN) == []


@pytest.mark.parametrize("module", ["there_is_none", "there.is.none"])
def test_an_entry_point_without_its_module_is_named_and_cannot_be_loaded(package, module):
    package(added=module)
    (found,) = components.by_entry_point("figure", "a.group", KNOWN)
    message = f"entry point added: there is no module {module}"
    assert (found.name, found.error, components.left_out()) == ("added", message, [message])
    with pytest.raises(BrokenComponentError, match=message):
        found.load()


@pytest.mark.parametrize("source", ["raise SystemExit(3)", "import sys\nsys.exit('bye')"])
def test_a_package_that_ends_the_program_is_an_error_of_its_component(tmp_path, package, source):
    (tmp_path / "ending").mkdir()
    (tmp_path / "ending" / "__init__.py").write_text(source)
    (tmp_path / "ending" / "part.py").write_text("")
    package(added="ending.part")
    (found,) = components.by_entry_point("figure", "a.group", KNOWN)
    assert found.error.startswith("entry point added: ending.part cannot be imported (SystemExit")
    assert components.left_out() == [found.error]
    with pytest.raises(BrokenComponentError, match="component x: ending cannot be imported"):
        components.imported("ending", "component x")


def test_what_a_package_prints_when_it_is_imported_is_no_output_of_the_command(
    tmp_path, package, capsys
):
    (tmp_path / "chatty").mkdir()
    (tmp_path / "chatty" / "__init__.py").write_text("print('the package')")
    (tmp_path / "chatty" / "part.py").write_text("print('the part')")
    package(added="chatty.part")
    (found,) = components.by_entry_point("figure", "a.group", KNOWN)
    found.load()
    assert capsys.readouterr() == ("", "the package\nthe part\n")
    for name in ("chatty", "chatty.part"):
        del sys.modules[name]


@pytest.mark.parametrize("damaged", [b"[a.group]\nno equals sign\n", b"[a.group]\n\xe9 = x\n"])
def test_a_package_with_a_damaged_list_of_entry_points_is_left_out_alone(
    tmp_path, package, damaged
):
    package(added="other_module")
    (tmp_path / "other_module.py").write_text("")
    about = tmp_path / "bad-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    (about / "entry_points.txt").write_bytes(damaged)
    (found,) = components.by_entry_point("figure", "a.group", KNOWN)
    assert (found.name, found.error) == ("added", "")
    (line,) = components.left_out()
    assert line.startswith("package bad: entry_points.txt cannot be read (")


def test_a_component_of_another_package_with_a_name_of_ours_is_left_out(tmp_path, package):
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "ours.py").write_text("PATTERN = 'ours(-[0-9]+)?'")
    (tmp_path / "foreign.py").write_text("")
    (tmp_path / "own_pattern.py").write_text("PATTERN = 'more'")
    package(**{"ours-2": "foreign", "ours": "own_pattern"})
    first, *others = components.discover("figure", folder, "some.figures", "a.group", KNOWN)
    reason = f"{folder}/ours.py is a figure of this name already; give it another one"
    assert {one.name: one.error for one in others} == {
        "ours-2": f"entry point ours-2: {reason}",
        "ours": "",  # found by its pattern
    }
    assert components.left_out() == [f"entry point ours-2: {reason}"]
    named = components.without_namesakes({"ours": first}, others)
    assert {name: one.module for name, one in named.items()} == {
        "ours": "some.figures.ours",
        "ours-2": "foreign",
    }
    assert f"entry point ours: {reason}" in components.left_out()


def test_a_package_that_a_component_of_another_author_lacks_is_named(tmp_path, monkeypatch):
    (tmp_path / "lacking_method.py").write_text("import no_such_package\n")
    (tmp_path / "lacking_torch.py").write_text("raise ModuleNotFoundError('x', name='torch.nn')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        BrokenComponentError,
        match=r"^component lacking: lacking_method cannot be imported \(ModuleNotFoundError in "
        r".*lacking_method\.py, line 1: No module named 'no_such_package'\)$",
    ):
        components.imported("lacking_method", "component lacking")
    with pytest.raises(ModuleNotFoundError):  # which a command answers with how to install it
        components.imported("lacking_torch", "component lacking")

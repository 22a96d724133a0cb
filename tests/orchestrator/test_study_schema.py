"""The JSON schema of study files agrees with what checks them."""

import jsonschema
import pytest

from orchestrator.cli._study_schema import schema
from studies import strict_yaml
from studies.study import LIBRARY, Study, shipped

VALIDATOR = jsonschema.Draft202012Validator(schema())
AXES = {
    "network": "lenet-300-100",
    "dataset": "digits",
    "method": "dense",
    "weights": "he-normal",
    "epochs": 1,
}


def valid(axes, **fields):
    return VALIDATOR.is_valid({"seeds": 1, "axes": AXES | axes, **fields})


def test_the_schema_is_valid_and_explains_every_field():
    jsonschema.Draft202012Validator.check_schema(schema())
    of_studies = schema()
    assert set(of_studies["properties"]) == set(Study.model_fields)
    fields = [
        *of_studies["properties"].values(),
        *of_studies["$defs"]["axes"]["properties"].values(),
    ]
    assert all(len(field["description"]) > 5 for field in fields)


@pytest.mark.parametrize("name", shipped())
def test_shipped_studies_fit(name):
    VALIDATOR.validate(strict_yaml.load((LIBRARY / f"{name}.yaml").read_text()))


@pytest.mark.parametrize(
    "axes",
    [
        {"network": ["lenet-5", "conv2", "resnet20"]},
        {"weights": "lognormal(sigma=0.7)"},
        {"method": ["dense", "lottery-ticket(rewind=2)"]},
        {"dataset": "folder(size=32):images/pets"},
        {"positive_fraction": [0, 0.5, 1]},
        {"learning_rate": 1e-3},
        {"affine": [True, False]},
    ],
)
def test_allowed_axes_fit(axes):
    assert valid(axes)


def test_the_name_of_own_images_fits_if_the_file_has_their_path():
    assert not valid({"dataset": "pets"})
    assert valid({"dataset": "pets"}, data={"pets": "folder:images"})


@pytest.mark.parametrize(
    "axes",
    [
        {"metod": "dense"},
        {"method": "dens"},
        {"method": ["dense", "free-prunning"]},
        {"network": "lenet300"},
        {"dataset": "minst"},
        {"weights": "he_normal"},
        {"activation": "rellu"},
        {"schedule": "linear"},
        {"epochs": "ten"},
        {"epochs": -1},
        {"epochs": 1.5},
        {"density": 1.5},
        {"learning_rate": 0},
        {"affine": "yes"},
        {"method": []},
        {"seed": 1},
    ],
)
def test_typical_mistakes_do_not_fit(axes):
    assert not valid(axes)


@pytest.mark.parametrize(
    "fields",
    [
        {"seeds": 0},
        {"seeds": []},
        {"seeds": "1001 - 1015"},
        {"tuning_seeds": 3},
        {"tuning_seeds": "seed+1000"},
        {"grids": [{"seeds": "all"}]},
        {"grids": [{"seeds": 3}]},
        {"grids": [{"tuned": "rate"}]},
        {"grids": [{"tuned": "density", "seeds": "tuning"}]},
        {"seeds": "5"},
        {"margin": 0},
        {"combine": "pairs"},
        {"grids": []},
        {"grids": [{"methods": "dense"}]},
        {"keep_masks": 0},
        {"sedes": 5},
        {"name": "My Study"},
    ],
)
def test_mistakes_outside_the_axes_do_not_fit(fields):
    assert not valid({}, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"seeds": "1001-1015"},
        {"seeds": [1, 2], "tuning_seeds": "2001-2002"},
        {"tuning_seeds": "seed + 1000", "grids": [{"tuned": ["density", "learning_rate"]}]},
        {"tuning_seeds": [7], "grids": [{"seeds": "fresh"}, {"seeds": "tuning"}, {"seeds": [1]}]},
    ],
)
def test_seeds_of_all_kinds_fit(fields):
    assert valid({}, **fields)


def test_without_grids_the_axes_need_every_field_without_a_default():
    lacking = {name: value for name, value in AXES.items() if name != "weights"}
    assert not VALIDATOR.is_valid({"seeds": 1, "axes": lacking})
    assert VALIDATOR.is_valid({"seeds": 1, "axes": lacking, "grids": [{"weights": "binary"}]})
    assert not VALIDATOR.is_valid({"axes": AXES})

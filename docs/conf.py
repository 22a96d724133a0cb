"""Sphinx's configuration of the site, which `make site` builds into `build/site`.

The pages are those of this folder, plain Markdown that can be read anywhere. What only the site
needs is done by the modules in `site`.
"""

import sys
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS / "site"), str(DOCS.parent)]  # this checkout's code is documented

import docstrings  # noqa: E402
import gallery  # noqa: E402
import pages  # noqa: E402

_PROJECT = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
project = _PROJECT["name"]
release = version = _PROJECT["version"]
copyright = "the untuned authors"  # noqa: A001  (Sphinx's name)

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["findings"]
nb_execution_mode = "off"  # the notebook is saved with its outputs
myst_heading_anchors = 4
#: Docstrings write code between single backticks.
default_role = "code"
autodoc_class_signature = "separated"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
#: Types of other packages have no entry here: lists of them would have to be downloaded.
nitpick_ignore_regex = [("py:.*", r"(?!analysis\.|orchestrator\.|studies\.|trainers\.).*")]
#: Types of this project that users do not import.
nitpick_ignore = [
    ("py:class", "analysis.relations.Relations"),
    ("py:class", "analysis.rendering.Renderer"),
    ("py:class", "studies.store.definitions.Recorded"),
    ("py:class", "trainers.checkpoints.CheckpointStore"),
    ("py:class", "trainers.products.Products"),
]

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["site/static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False


def setup(app: Sphinx) -> None:
    """Connect what only the site needs."""
    pages.setup(app)
    docstrings.setup(app)
    gallery.setup(app)

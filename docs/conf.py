"""The documentation site: the guides of this folder, and a page for each public name.

`make docs` builds it into docs/_build. Everything it needs lies in the site, equations included,
so that it can be read from disk without a network.
"""

from __future__ import annotations

import importlib

import shapemetrics

project = "shapemetrics"
author = "The shapemetrics contributors"
project_copyright = author
release = version = shapemetrics.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx-mathjax-offline",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_click",
    "sphinx_copybutton",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
smartquotes = False  # two dashes are an option, not a dash
# Any reference that leads nowhere is a warning, and warnings are errors.
nitpicky = True

# Guides: what GitHub renders too, mathematics between dollars and in fences.
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 4

# Pages of public names: docstrings say types better than signatures do.
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = True


def documented_elsewhere(*packages: str) -> dict[str, dict[str, str]]:
    """Public names of each package that are public in another one, where they are documented."""
    elsewhere: dict[str, dict[str, str]] = {name: {} for name in packages}
    for name in packages:
        module = importlib.import_module(name)
        for public in module.__all__:
            home = getattr(getattr(module, public), "__module__", name).rsplit(".", 1)[0]
            if home in packages and not home.startswith(name):
                elsewhere[name][public] = home
    return elsewhere


autosummary_context = {
    "elsewhere": documented_elsewhere(
        "shapemetrics.estimation", "shapemetrics.geometry", "shapemetrics.learning"
    )
}
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "furo"
html_title = f"shapemetrics {release}"
html_copy_source = False
html_show_copyright = False


def leave_out_foreign_members(app, what, name, member, skip, options):
    """Methods that scikit-learn's or torch's base classes bring are documented there."""
    source = getattr(member, "fget", member)
    module = getattr(source, "__module__", None)
    if module is None and name in vars(dict):  # methods of a mapping, in their own markup
        return True
    return True if module and not module.startswith("shapemetrics") else None


def show_asterisks(app, context, lines):
    """Help texts are no reStructuredText: patterns of file names hold asterisks."""
    lines[:] = [line.replace("*", r"\*") for line in lines]


def setup(app):
    app.connect("autodoc-skip-member", leave_out_foreign_members)
    app.connect("sphinx-click-process-description", show_asterisks)

"""Sphinx: the pages of docs/ and the reference that `harness reference` wrote, as HTML."""

project = "harness"
author = "the authors of harness"
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "harness"
html_show_sphinx = False
exclude_patterns = ["build.py"]

"""Sections of the page of a run, and pictures for them."""

from harness.contract.pages import Section
from harness.picture_section import cell_title, picture_section
from harness.png import Pixels, data_uri, pixels, png, read_png

__all__ = ["Pixels", "Section", "cell_title", "data_uri", "picture_section", "pixels", "png", "read_png"]

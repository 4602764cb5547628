"""Sections of the page of a run, and pictures for them."""

from harness.contract.pages import Section as Section
from harness.picture_section import cell_title as cell_title
from harness.picture_section import picture_section as picture_section
from harness.png import Pixels as Pixels
from harness.png import data_uri as data_uri
from harness.png import pixels as pixels
from harness.png import png as png
from harness.png import read_png as read_png

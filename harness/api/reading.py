"""Typed tables of files: separated text, Parquet, JSON; what to say of files that cannot be read."""

from harness.reading.arrays import why_no_arrays as why_no_arrays
from harness.reading.files import TABLE_SUFFIXES as TABLE_SUFFIXES
from harness.reading.files import parse_table as parse_table
from harness.reading.files import read_table as read_table
from harness.reading.files import unpacked_content as unpacked_content
from harness.reading.groups import GroupValues as GroupValues
from harness.reading.groups import is_missing_code as is_missing_code
from harness.reading.groups import read_groups as read_groups
from harness.reading.lookalikes import refuse_lookalikes as refuse_lookalikes
from harness.reading.lookalikes import refuse_two_spellings as refuse_two_spellings
from harness.reading.saved_data_sets import SavedDataSet as SavedDataSet
from harness.reading.saved_data_sets import read_saved_data_set as read_saved_data_set
from harness.reading.spelling import seen as seen
from harness.reading.stored_images import labels_of_table as labels_of_table
from harness.reading.table import Categories as Categories
from harness.reading.table import Table as Table
from harness.reading.truth import truth_of as truth_of
from harness.reading.unpacked_size import check_zip as check_zip

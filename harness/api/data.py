"""Datasets and their splits, and files whose content is pinned."""

from harness.contract.cells import digest as digest
from harness.contract.data import Dataset as Dataset
from harness.contract.data import DatasetWrapper as DatasetWrapper
from harness.contract.data import Examples as Examples
from harness.contract.data import ReadAnew as ReadAnew
from harness.contract.data import shown_facts as shown_facts
from harness.contract.splits import PARTS as PARTS
from harness.contract.splits import Overlap as Overlap
from harness.contract.splits import Split as Split
from harness.contract.splits import apart_from_training as apart_from_training
from harness.contract.splits import order_by_hash as order_by_hash
from harness.contract.splits import parts_by_hash as parts_by_hash
from harness.contract.texts import Texts as Texts
from harness.downloads import download_file as download_file
from harness.hub_folders import pinned_folder as pinned_folder
from harness.hub_folders import published_folder as published_folder
from harness.pinned_files import PinnedFile as PinnedFile
from harness.pinned_files import data_folder as data_folder
from harness.pinned_files import default_folder as default_folder
from harness.pinned_files import read_pinned as read_pinned

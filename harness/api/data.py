"""Datasets, and files whose content is pinned."""

from harness.contract.cells import digest
from harness.contract.data import Dataset, Examples
from harness.hub_folders import published_folder
from harness.pinned_files import PinnedFile, default_folder, read_pinned

__all__ = ["Dataset", "Examples", "PinnedFile", "default_folder", "digest", "published_folder", "read_pinned"]

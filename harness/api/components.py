"""Declarations of a plugin: components, their parameters, and the hooks."""

from harness.contract.cells import Cell as Cell
from harness.contract.cells import Use as Use
from harness.contract.components import Component as Component
from harness.contract.components import Declarations as Declarations
from harness.contract.components import Kind as Kind
from harness.contract.context import Context as Context
from harness.contract.errors import HarnessError as HarnessError
from harness.contract.errors import InvalidOutput as InvalidOutput
from harness.contract.errors import MissingData as MissingData
from harness.contract.errors import NotApplicable as NotApplicable
from harness.contract.errors import UsageError as UsageError
from harness.contract.errors import cause_of as cause_of
from harness.contract.imports import TrustedPath as TrustedPath
from harness.contract.imports import is_trusted as is_trusted
from harness.contract.parameters import ComponentOf as ComponentOf
from harness.contract.parameters import FormerSpelling as FormerSpelling
from harness.contract.parameters import ImportPath as ImportPath
from harness.contract.parameters import Later as Later
from harness.contract.parameters import Location as Location
from harness.contract.parameters import Uncounted as Uncounted
from harness.contract.parameters import Variants as Variants
from harness.hooks import hookimpl as hookimpl
from harness.named_code import import_function as import_function
from harness.named_code import import_named as import_named
from harness.user_configuration import config_path as config_path
from harness.user_configuration import configured as configured

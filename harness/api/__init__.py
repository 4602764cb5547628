"""All that a plugin may import from the core, grouped by field.

A plugin is a module with a hook that declares components:

    from harness.api import Declarations, hookimpl

    @hookimpl
    def harness_components():
        attack = Declarations("attack", __name__, tasks={"classify"})
        return [attack("corner", ":Corner"), attack("edge", "edges:Edge")]

Each component's target is a class or function. Its parameters, their types, defaults and documentation are
read from its signature and docstring, and the first line of the docstring is its summary; what it must be able to do
stands in the protocols of its field.

| module | what it holds |
|---|---|
| `components` | descriptors, parameters, hooks, errors |
| `data` | datasets, files whose content is pinned |
| `reading` | typed tables of files: separated text, Parquet, JSON |
| `results` | tasks, records, estimates, metrics, aggregates, reporters |
| `models`, `threats`, `generation`, `language`, `attributions` | protocols of each field |
| `images` | images of files, converted and resized by declaration; its names are short, so it is used by its own name |
| `pages` | sections of the page of a run, pictures for them |
| `statistics` | intervals, tests, groups |
| `instruments` | counted and frozen models, seeding, margins, norms; imports torch, so it is imported by its own name |
| `attacks` | a toolkit for attacks: batch slots, losses, norm balls; imports torch, so it is imported by its own name |
| `figures` | one look for pictures; its names are short, so it is used by its own name |

All names but those of `instruments`, `attacks`, `images` and `figures` are offered by `harness.api` itself. A name that
leaves is kept, with a warning, for two minor releases.
"""

from harness.api import figures as figures
from harness.api.attributions import *
from harness.api.components import *
from harness.api.data import *
from harness.api.generation import *
from harness.api.language import *
from harness.api.models import *
from harness.api.pages import *
from harness.api.reading import *
from harness.api.results import *
from harness.api.statistics import *
from harness.api.threats import *
from harness.api.versions import *
from harness.api.versions import __getattr__ as __getattr__

"""Build the documentation: `make docs` calls it with the Python of .venv-docs.

    python docs/build.py SOURCES HTML

SOURCES gets a copy of docs/ in which links to files outside of it are names of files, beside the reference pages that
`harness reference SOURCES/reference` wrote before. HTML gets the site, with the Markdown of every page beside it.
"""

from __future__ import annotations

import re
import shutil
import sys
from functools import partial
from pathlib import Path

from sphinx.cmd.build import main as sphinx

DOCS = Path(__file__).resolve().parent
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def copied(sources: Path) -> None:
    """Copy the pages and what they link to, with links that lead out of docs/ as names of files of the repository."""
    for path in sorted(DOCS.rglob("*.md")):
        target = sources / path.relative_to(DOCS)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_LINK.sub(partial(_inside, page=path), path.read_text(encoding="utf-8")), encoding="utf-8")
    for path in sorted(DOCS.glob("*/**/*")):
        if path.is_file() and path.suffix not in (".md", ".pyc"):
            target = sources / path.relative_to(DOCS)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    shutil.copy(DOCS / "conf.py", sources)


def _inside(link: re.Match[str], *, page: Path) -> str:
    """A link as it is where it stays in docs/, else its text with the file that it leads to."""
    target = (page.parent / link[2]).resolve()
    is_page = target.is_relative_to(DOCS) and target.is_file()
    name = target.relative_to(DOCS.parent).as_posix()
    return link[0] if is_page else f"{link[1]} (`{name}`)" if link[1].strip("`") != name else f"`{name}`"


def main(sources: Path, html: Path) -> int:
    """Build the site; 0 if there was no warning."""
    copied(sources)
    strict = ["-W", "--keep-going", "-n", "-q"]
    code = sphinx([*strict, "-b", "html", "-d", str(html.parent / "doctrees"), str(sources), str(html)])
    for path in sources.rglob("*.md"):
        shutil.copy(path, html / path.relative_to(sources))
    return int(code)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))

"""Names of public benchmarks, claimed only for data with the digest that the user says is that of the benchmark."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.contract.errors import UsageError
from harness.exporting.numbers import Number, Source

_CLAIM = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(:(?P<task>[\w.-]+))?=(?P<digest>[0-9a-f]{12,64})")


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of the Hugging Face Hub.

    Attributes:
        name: the id of the dataset, such as openai/gsm8k.
        task: its task, such as main; empty where none is named.
    """

    name: str
    task: str


@dataclass(frozen=True)
class Benchmarks:
    """Digest of the data, or its start, to the benchmark that these data are."""

    by_digest: Mapping[str, Benchmark] = field(default_factory=dict)

    @classmethod
    def of(cls, claims: Sequence[str], source: Source) -> Benchmarks:
        """What a user claims as `NAME[:TASK]=DIGEST`. Raises UsageError for another form, or data that no row has."""
        digests = sorted({number.data_digest for number in source.numbers() if number.data_digest})
        by_digest = {}
        for claim in claims:
            match = _CLAIM.fullmatch(claim)
            if match is None:
                raise UsageError(f"--benchmark {claim!r}: write ORG/NAME[:TASK]=DIGEST, 12 to 64 hex digits")
            if not any(digest.startswith(match["digest"]) for digest in digests):
                known = ", ".join(digest[:12] for digest in digests) or "none"
                raise UsageError(f"--benchmark {claim!r}: no row has data with this digest; there are: {known}")
            by_digest[match["digest"]] = Benchmark(match["name"], match["task"] or "")
        return cls(by_digest)

    def of_number(self, number: Number) -> Benchmark | None:
        """The benchmark that a number was measured on; None if its data are not known to be one."""
        digest = number.data_digest
        return next((known for start, known in self.by_digest.items() if digest and digest.startswith(start)), None)

"""Generative models, samplers and feature extractors."""

from harness.contract.protocols import Conditional as Conditional
from harness.contract.protocols import Denoiser as Denoiser
from harness.contract.protocols import Extractor as Extractor
from harness.contract.protocols import GivenSamples as GivenSamples
from harness.contract.protocols import OneShot as OneShot
from harness.contract.protocols import SampleBatch as SampleBatch
from harness.contract.protocols import Sampler as Sampler

"""Generative models, samplers and feature extractors."""

from harness.contract.generation import Answerer as Answerer
from harness.contract.generation import Conditional as Conditional
from harness.contract.generation import Denoiser as Denoiser
from harness.contract.generation import Extractor as Extractor
from harness.contract.generation import GivenFeatures as GivenFeatures
from harness.contract.generation import GivenSamples as GivenSamples
from harness.contract.generation import OneShot as OneShot
from harness.contract.generation import SampleBatch as SampleBatch
from harness.contract.generation import Sampler as Sampler
from harness.contract.generation import TextJudge as TextJudge

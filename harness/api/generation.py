"""Generative models, samplers and feature extractors."""

from harness.contract.protocols import Conditional, Denoiser, Extractor, GivenSamples, OneShot, SampleBatch, Sampler

__all__ = ["Conditional", "Denoiser", "Extractor", "GivenSamples", "OneShot", "SampleBatch", "Sampler"]

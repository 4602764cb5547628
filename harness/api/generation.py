"""Generative models, samplers and feature extractors."""

from harness.contract.protocols import Conditional, Denoiser, Extractor, OneShot, SampleBatch, Sampler

__all__ = ["Conditional", "Denoiser", "Extractor", "OneShot", "SampleBatch", "Sampler"]

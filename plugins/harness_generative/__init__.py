"""Generative models, the samplers that draw from them, and metrics of what they draw: quality, coverage, novelty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from harness.api import Component, Kind, MeasuredCell, Section, hookimpl


def _component(kind: Kind, name: str, target: str, summary: str, **more: Any) -> Component:
    return Component(kind, name, f"{__name__}.{target}", summary, tasks=_TASKS.get(kind, frozenset()), **more)


_GENERATE = frozenset({"generate"})
_TASKS: dict[str, frozenset[str]] = dict.fromkeys(("sampler", "metric"), _GENERATE)


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the task, models, samplers, feature extractors, data, metrics and pictures."""
    return [
        _component(
            "task",
            "generate",
            "task.generate:Generate",
            "Draw samples of a generative model and compare them with held-out data.",
            moved_from="harness/generate",
        ),
        *_trained_models(),
        *_given_models(),
        *_samplers(),
        *_extractors(),
        *_data(),
        *_distance_metrics(),
        *_neighbourhood_metrics(),
        *_sample_metrics(),
        *_reporters(),
    ]


@hookimpl
def harness_page_sections(cells: Sequence[MeasuredCell]) -> Iterable[Section]:
    """Show grids of samples, the way from noise to sample, and what samples may be copies of."""
    from harness.api import picture_section

    return picture_section("Samples", [cell for cell in cells if cell.row.task == "harness/generate"])


def _trained_models() -> list[Component]:
    return [
        _component(
            "model",
            "gaussian",
            "models.exact_models:Gaussian",
            "A Gaussian fitted to the training data; its denoiser is exact.",
        ),
        _component(
            "model",
            "gmm",
            "models.exact_models:GaussianMixture",
            "A mixture of Gaussians fitted to the training data; its denoiser is exact.",
            requires=("scikit-learn",),
        ),
        _component(
            "model",
            "vae",
            "models.autoencoder:VAE",
            "Variational autoencoder; beta weighs the divergence from the prior.",
            references=("Kingma & Welling 2014, arXiv:1312.6114", "Higgins et al. 2017, beta-VAE"),
        ),
        _component(
            "model",
            "gan",
            "models.adversarial:GAN",
            "Generative adversarial network, with or without the R1 penalty.",
            references=("Goodfellow et al. 2014, arXiv:1406.2661", "Mescheder et al. 2018, arXiv:1801.04406"),
        ),
        _component(
            "model",
            "ddpm",
            "models.diffusion_models:DDPM",
            "Diffusion model that predicts the noise of a discrete schedule.",
            references=("Ho et al. 2020, arXiv:2006.11239",),
        ),
        _component(
            "model",
            "edm",
            "models.diffusion_models:EDM",
            "Diffusion model with the preconditioning, loss and noise levels of EDM.",
            references=("Karras et al. 2022, arXiv:2206.00364",),
        ),
        _component(
            "model",
            "text_edm",
            "text.model:TextEDM",
            "Diffusion model of digit canvases, conditioned on prompts through a small text encoder.",
            trained_on="digit_canvas",
            references=("Karras et al. 2022, arXiv:2206.00364", "Ho & Salimans 2022, arXiv:2207.12598"),
        ),
        _component(
            "model",
            "canvas_judge",
            "text.canvas_judge:CanvasJudge",
            "Classifier that reads which digits stand where on a digit canvas.",
            trained_on="digit_canvas",
        ),
    ]


def _given_models() -> list[Component]:
    return [
        _component(
            "model",
            "from_samples",
            "models.given_samples:FromSamples",
            "Samples that another system made, from a folder of images or an .npz or .npy file.",
        ),
        _component(
            "model",
            "copy_of",
            "models.given_samples:CopyOf",
            "A dataset posing as a model: the cheat that copies the training set, or a row of real data.",
        ),
        _component(
            "model",
            "diffusers",
            "models.diffusers_adapter:DiffusersModel",
            "The denoiser of a diffusers pipeline, by path or id.",
            requires=("diffusers",),
        ),
    ]


def _samplers() -> list[Component]:
    return [
        _component(
            "sampler", "one_shot", "sampling.samplers:OneShotSampler", "One pass of a GAN or another one-shot model."
        ),
        _component(
            "sampler",
            "ddpm",
            "sampling.samplers:Ancestral",
            "Ancestral sampling of a diffusion model.",
            references=("Ho et al. 2020, algorithm 2, arXiv:2006.11239",),
        ),
        _component(
            "sampler",
            "ddim",
            "sampling.samplers:DDIM",
            "Deterministic steps of a diffusion model, with noise added back by eta.",
            references=("Song et al. 2021, arXiv:2010.02502",),
        ),
        _component(
            "sampler",
            "euler",
            "sampling.samplers:Euler",
            "Euler's method on the probability flow.",
            references=("Karras et al. 2022, arXiv:2206.00364",),
        ),
        _component(
            "sampler",
            "heun",
            "sampling.samplers:Heun",
            "Heun's method on the probability flow, with churn.",
            references=("Karras et al. 2022, algorithm 2, arXiv:2206.00364",),
        ),
        _component(
            "sampler",
            "dpmpp_2m",
            "sampling.samplers:DPMpp2M",
            "DPM-Solver++(2M): second order with one pass a step.",
            references=("Lu et al. 2022, algorithm 2, arXiv:2211.01095",),
        ),
    ]


def _extractors() -> list[Component]:
    return [
        _component(
            "extractor",
            "digit_features",
            "features.extractors:DigitFeatures",
            "The hidden layer of a digit classifier trained on the training split only.",
            trained_on="digits",
        ),
        _component(
            "extractor",
            "pixel_pca",
            "features.extractors:PixelPCA",
            "The first principal components of the pixels of the training split.",
            trained_on="digits",
        ),
        _component(
            "extractor",
            "random_conv",
            "features.extractors:RandomConv",
            "A convolutional network with fixed random weights; needs no training.",
        ),
        _component(
            "extractor",
            "inception_v3",
            "features.pretrained:InceptionV3",
            "The pool of Inception-v3 trained on ImageNet: turns the FID-proxy into an FID.",
            requires=("torchvision",),
            references=("Heusel et al. 2017, arXiv:1706.08500",),
        ),
        _component(
            "extractor",
            "dinov2",
            "features.pretrained:DINOv2",
            "The class token of DINOv2.",
            requires=("transformers",),
            references=("Stein et al. 2023, arXiv:2306.04675",),
        ),
        _component(
            "extractor",
            "clip",
            "features.pretrained:CLIP",
            "The image embedding of CLIP.",
            requires=("transformers",),
            references=("Jayasumana et al. 2024, arXiv:2401.09603",),
        ),
    ]


def _data() -> list[Component]:
    return [
        _component(
            "dataset",
            "digit_canvas",
            "text.digit_canvas:digit_canvas",
            "One or two handwritten digits on a canvas, with prompts that say which.",
            requires=("scikit-learn",),
        ),
    ]


def _distance_metrics() -> list[Component]:
    return [
        _component(
            "metric",
            "fid_proxy",
            "metrics.fid:FidProxy",
            "Frechet distance between Gaussians fitted to generated and reference features.",
            references=("Heusel et al. 2017, arXiv:1706.08500",),
        ),
        _component(
            "metric",
            "fid_debiased",
            "metrics.fid:FidDebiased",
            "Frechet distance extrapolated to infinitely many samples.",
            references=("Chong & Forsyth 2020, arXiv:1911.07023",),
        ),
        _component(
            "metric",
            "fid_floor",
            "metrics.fid:FidFloor",
            "Frechet distance of as many training examples from the reference: what real data reach.",
        ),
        _component(
            "metric", "fid_over_floor", "metrics.fid:FidOverFloor", "How many times the floor the FID-proxy is."
        ),
        _component(
            "metric",
            "kid",
            "metrics.kernel:KID",
            "Kernel inception distance: unbiased MMD with a cubic kernel.",
            references=("Binkowski et al. 2018, arXiv:1801.01401",),
        ),
        _component(
            "metric",
            "cmmd",
            "metrics.kernel:CMMD",
            "MMD with a Gaussian kernel.",
            references=("Jayasumana et al. 2024, arXiv:2401.09603",),
        ),
        _component(
            "metric",
            "inception_score",
            "metrics.judge:InceptionScore",
            "How sure the judge is of each sample, and how varied its verdicts are.",
            references=("Salimans et al. 2016, arXiv:1606.03498",),
        ),
    ]


def _neighbourhood_metrics() -> list[Component]:
    return [
        *(
            _component("metric", name, f"metrics.manifold:{target}", summary, references=references)
            for name, target, summary, references in (
                (
                    "precision",
                    "Precision",
                    "Share of samples within the reach of the reference.",
                    ("Kynkäänniemi et al. 2019, arXiv:1904.06991",),
                ),
                (
                    "recall",
                    "Recall",
                    "Share of the reference within the reach of the samples.",
                    ("Kynkäänniemi et al. 2019, arXiv:1904.06991",),
                ),
                (
                    "density",
                    "Density",
                    "How many reference examples have a sample within their reach, over k.",
                    ("Naeem et al. 2020, arXiv:2002.09797",),
                ),
                (
                    "coverage",
                    "Coverage",
                    "Share of the reference with a sample within its reach.",
                    ("Naeem et al. 2020, arXiv:2002.09797",),
                ),
            )
        ),
    ]


def _sample_metrics() -> list[Component]:
    return [
        _component(
            "metric",
            "mode_coverage",
            "metrics.judge:ModeCoverage",
            "Share of the classes that the judge finds among the samples.",
        ),
        _component(
            "metric",
            "mode_entropy",
            "metrics.judge:ModeEntropy",
            "Entropy of the classes that the judge finds, over that of equal shares.",
        ),
        _component(
            "metric",
            "condition_accuracy",
            "metrics.judge:ConditionAccuracy",
            "Share of samples in which the judge sees what was asked for.",
        ),
        _component(
            "metric",
            "authenticity",
            "metrics.novelty:Authenticity",
            "Share of samples that are no copies of training examples, by the distances among these.",
            references=("Alaa et al. 2022, arXiv:2102.08921",),
        ),
        _component(
            "metric",
            "memorisation",
            "metrics.novelty:Memorisation",
            "Share of samples far nearer to one training example than to the next.",
            references=("Yoon et al. 2023, ICML workshop SPIGM",),
        ),
        _component(
            "metric",
            "out_of_distribution_rate",
            "metrics.novelty:OutOfDistributionRate",
            "Share of samples farther from the training data than nearly all of the reference is.",
        ),
        _component("metric", "nfe", "metrics.cost:NFE", "Passes through the model that a sample took."),
        _component("metric", "seconds_per_sample", "metrics.cost:SecondsPerSample", "Time that a sample took."),
    ]


def _reporters() -> list[Component]:
    return [
        _component(
            "reporter",
            "nfe_quality",
            "pictures.curves:NfeQuality",
            "Quality over passes, a line a sampler.",
        ),
        _component("reporter", "cost_quality", "pictures.curves:CostQuality", "Quality against cost, a point a row."),
    ]

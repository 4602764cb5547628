"""Generative models, the samplers that draw from them, and metrics of what they draw: quality, coverage, novelty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.api import Component, Declarations, MeasuredCell, Section, hookimpl

_GENERATE = frozenset({"generate"})
_EXAMPLE = """
task: {use: generate, with: {features: [pixel_pca], n: 64}}
data: {use: digits, with: {split: held_out}}
models: [gaussian]
samplers: [one_shot]
metrics: [fid_proxy]
"""
_CAPTIONS = {
    "samples.png": "samples, by class or under what they were asked for",
    "neighbours.png": "the samples nearest to a training example, each above that example",
    "denoising.png": "from noise to sample: x, and the prediction that the sampler used",
    "noising.png": "from data to noise, at the noise levels of the sampler",
}


@hookimpl
def harness_components() -> Iterable[Component]:
    """Declare the task, models, samplers, feature extractors, data, metrics, aggregates and pictures."""
    # It was part of the core once, and its results stay comparable.
    task = Declarations("task", f"{__name__}.task", moved_from="harness")
    return [
        task("generate", "generate:Generate", example=_EXAMPLE),
        *_models(),
        *_samplers(),
        *_extractors(),
        *_data(),
        *_metrics(),
        *_aggregates(),
        *_reporters(),
    ]


@hookimpl
def harness_page_sections(cells: Sequence[MeasuredCell]) -> Iterable[Section]:
    """Show grids of samples, the way from noise to sample, and what samples may be copies of."""
    from harness.api import picture_section

    generated = [cell for cell in cells if cell.row.task == "harness/generate"]
    return picture_section("Samples", generated, captions=_CAPTIONS)


def _models() -> list[Component]:
    model = Declarations("model", __name__)
    return [
        model("gaussian", "models.exact_models:Gaussian"),
        model("gmm", "models.exact_models:GaussianMixture", requires=("scikit-learn",)),
        model(
            "vae", "models.autoencoder:VAE", "Kingma & Welling 2014, arXiv:1312.6114", "Higgins et al. 2017, beta-VAE"
        ),
        model(
            "gan",
            "models.adversarial:GAN",
            "Goodfellow et al. 2014, arXiv:1406.2661",
            "Mescheder et al. 2018, arXiv:1801.04406",
        ),
        model("ddpm", "models.diffusion_models:DDPM", "Ho et al. 2020, arXiv:2006.11239"),
        model("edm", "models.diffusion_models:EDM", "Karras et al. 2022, arXiv:2206.00364"),
        model(
            "text_edm",
            "text.model:TextEDM",
            "Karras et al. 2022, arXiv:2206.00364",
            "Ho & Salimans 2022, arXiv:2207.12598",
            trained_on="digit_canvas",
        ),
        model(
            "clip_judge",
            "judges.clip_judge:CLIPJudge",
            "Hessel et al. 2021, arXiv:2104.08718",
            requires=("transformers",),
        ),
        model("vqa", "judges.vqa_judge:VQAJudge", requires=("transformers",)),
        model("canvas_judge", "text.canvas_judge:CanvasJudge", trained_on="digit_canvas"),
        # Not trained here.
        model("from_samples", "models.given_samples:FromSamples"),
        model("from_features", "features.feature_files:FromFeatures"),
        model("copy_of", "models.given_samples:CopyOf"),
        model("pipeline", "models.pipeline:Pipeline", requires=("diffusers",)),
        model("latent_diffusers", "models.latent_denoiser:LatentDiffusers", requires=("diffusers",)),
        model("diffusers", "models.diffusers_adapter:DiffusersModel", requires=("diffusers",)),
    ]


def _samplers() -> list[Component]:
    sampler = Declarations("sampler", f"{__name__}.sampling.samplers", tasks=_GENERATE)
    return [
        sampler("one_shot", ":OneShotSampler"),
        sampler("ddpm", ":Ancestral", "Ho et al. 2020, algorithm 2, arXiv:2006.11239"),
        sampler("ddim", ":DDIM", "Song et al. 2021, arXiv:2010.02502"),
        sampler("euler", ":Euler", "Karras et al. 2022, arXiv:2206.00364"),
        sampler("heun", ":Heun", "Karras et al. 2022, algorithm 2, arXiv:2206.00364"),
        sampler("dpmpp_2m", ":DPMpp2M", "Lu et al. 2022, algorithm 2, arXiv:2211.01095"),
    ]


def _extractors() -> list[Component]:
    extractor = Declarations("extractor", f"{__name__}.features")
    return [
        extractor("digit_features", "extractors:DigitFeatures", trained_on="digits"),
        extractor("pixel_pca", "extractors:PixelPCA", trained_on="digits"),
        extractor("random_conv", "extractors:RandomConv"),
        extractor(
            "inception_v3", "pretrained:InceptionV3", "Heusel et al. 2017, arXiv:1706.08500", requires=("torchvision",)
        ),
        extractor("dinov2", "pretrained:DINOv2", "Stein et al. 2023, arXiv:2306.04675", requires=("transformers",)),
        extractor("clip", "pretrained:CLIP", "Jayasumana et al. 2024, arXiv:2401.09603", requires=("transformers",)),
    ]


def _data() -> list[Component]:
    dataset = Declarations("dataset", __name__)
    return [
        dataset("digit_canvas", "text.digit_canvas:digit_canvas", requires=("scikit-learn",)),
        dataset("prompts", "text.prompts:prompts"),
        dataset("features", "features.feature_files:features"),
    ]


def _metrics() -> list[Component]:
    metric = Declarations("metric", f"{__name__}.metrics", tasks=_GENERATE)
    return [
        # Of the distance between distributions.
        metric("fid_proxy", "fid:FidProxy", "Heusel et al. 2017, arXiv:1706.08500"),
        metric("fid_debiased", "fid:FidDebiased", "Chong & Forsyth 2020, arXiv:1911.07023"),
        metric("fid_floor", "fid:FidFloor"),
        metric("fid_over_floor", "fid:FidOverFloor"),
        metric("kid", "kernel:KID", "Binkowski et al. 2018, arXiv:1801.01401"),
        metric("cmmd", "kernel:CMMD", "Jayasumana et al. 2024, arXiv:2401.09603"),
        metric("inception_score", "judge:InceptionScore", "Salimans et al. 2016, arXiv:1606.03498"),
        # Of neighbourhoods in features.
        metric("precision", "manifold:Precision", "Kynkäänniemi et al. 2019, arXiv:1904.06991"),
        metric("recall", "manifold:Recall", "Kynkäänniemi et al. 2019, arXiv:1904.06991"),
        metric("density", "manifold:Density", "Naeem et al. 2020, arXiv:2002.09797"),
        metric("coverage", "manifold:Coverage", "Naeem et al. 2020, arXiv:2002.09797"),
        # Of single samples.
        metric("mode_coverage", "judge:ModeCoverage"),
        metric("mode_entropy", "judge:ModeEntropy"),
        metric("condition_accuracy", "judge:ConditionAccuracy"),
        metric("authenticity", "novelty:Authenticity", "Alaa et al. 2022, arXiv:2102.08921"),
        metric("memorisation", "novelty:Memorisation", "Yoon et al. 2023, ICML workshop SPIGM"),
        metric("out_of_distribution_rate", "novelty:OutOfDistributionRate"),
        metric("clip_score", "text_images:CLIPScore", "Hessel et al. 2021, arXiv:2104.08718"),
        metric("object_accuracy", "text_images:ObjectAccuracy", "Ghosh et al. 2023, arXiv:2310.11513"),
        metric("nfe", "cost:NFE"),
        metric("seconds_per_sample", "cost:SecondsPerSample"),
    ]


def _aggregates() -> list[Component]:
    aggregate = Declarations("aggregate", f"{__name__}.metrics", tasks=_GENERATE)
    return [aggregate("judge_ceiling", "judge_ceiling:JudgeCeiling")]


def _reporters() -> list[Component]:
    reporter = Declarations("reporter", f"{__name__}.pictures")
    return [
        reporter("nfe_quality", "curves:NfeQuality"),
        reporter("sample_cost", "curves:SampleCost"),
    ]

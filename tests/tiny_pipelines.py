"""Pipelines of diffusers with a few random weights, as `save_pretrained` writes them; needs the extra `generation`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
TEXT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}


def _decoder(**units: float) -> Any:
    import diffusers

    return diffusers.AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=16,
        **units,
    ).eval()


def _tokenizer(folder: Path) -> tuple[Any, dict[str, Any]]:
    """A tokenizer of letters, and what a text encoder must know of it."""
    import transformers

    words = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer.model_max_length = 40
    ends = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1}
    return tokenizer, {**TEXT, **ends, "vocab_size": len(words), "max_position_embeddings": 40}


def _unet(**more: Any) -> Any:
    """A network that reads text by cross-attention, in latents of 8x8."""
    import diffusers

    return diffusers.UNet2DConditionModel(
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=4,
        sample_size=8,
        **more,
    )


def stable_diffusion(folder: Path) -> Path:
    """Stable Diffusion 1 that reads letters; images of 16x16."""
    import diffusers
    import transformers

    torch.manual_seed(0)
    tokenizer, about = _tokenizer(folder)
    unet = _unet(cross_attention_dim=16)
    pipeline = diffusers.StableDiffusionPipeline(
        vae=_decoder(),
        text_encoder=transformers.CLIPTextModel(transformers.CLIPTextConfig(**about)),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=diffusers.DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder / "pipeline")
    return folder / "pipeline"


def stable_diffusion_3(folder: Path) -> Path:
    """Stable Diffusion 3 without its third text encoder: flow matching by a transformer."""
    import diffusers
    import transformers

    torch.manual_seed(0)
    tokenizer, about = _tokenizer(folder)
    encoders = [
        transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**about, projection_dim=16))
        for _ in range(2)
    ]
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=32,
        caption_projection_dim=16,
        pooled_projection_dim=32,
        pos_embed_max_size=16,
    )
    pipeline = diffusers.StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_decoder(scaling_factor=1.5, shift_factor=0.1),
        text_encoder=encoders[0],
        tokenizer=tokenizer,
        text_encoder_2=encoders[1],
        tokenizer_2=tokenizer,
        text_encoder_3=None,
        tokenizer_3=None,
    )
    pipeline.save_pretrained(folder / "pipeline")
    return folder / "pipeline"


def dit(folder: Path) -> Path:
    """A diffusion transformer of 1000 classes that also predicts its variance."""
    import diffusers

    torch.manual_seed(0)
    transformer = diffusers.DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=4,
        out_channels=8,
        num_layers=1,
        sample_size=8,
        patch_size=4,
        num_embeds_ada_norm=1000,
    )
    diffusers.DiTPipeline(transformer, _decoder(), diffusers.DDIMScheduler(clip_sample=False)).save_pretrained(folder)
    return folder


def stable_diffusion_xl(folder: Path) -> Path:
    """Stable Diffusion XL with its two text encoders, which is told sizes too; images of 16x16."""
    import diffusers
    import transformers

    torch.manual_seed(0)
    tokenizer, about = _tokenizer(folder)
    config = transformers.CLIPTextConfig(**about, projection_dim=16)
    unet = _unet(
        cross_attention_dim=32,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=16 + 6 * 4,
    )
    pipeline = diffusers.StableDiffusionXLPipeline(
        vae=_decoder(),
        text_encoder=transformers.CLIPTextModel(config),
        text_encoder_2=transformers.CLIPTextModelWithProjection(config),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet,
        scheduler=diffusers.EulerDiscreteScheduler(timestep_spacing="leading", steps_offset=1),
        add_watermarker=False,
    )
    pipeline.save_pretrained(folder / "pipeline")
    return folder / "pipeline"


def flux(folder: Path) -> Path:
    """FLUX.1: flow matching by a transformer with guidance as an input, and T5 beside CLIP."""
    import diffusers
    import transformers

    torch.manual_seed(0)
    tokenizer, about = _tokenizer(folder)
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in LETTERS)]
    reader = transformers.T5Config(
        vocab_size=len(pieces), d_model=32, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0
    )
    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=16,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=True,
    )
    pipeline = diffusers.FluxPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=_decoder(scaling_factor=0.36, shift_factor=0.1),
        text_encoder=transformers.CLIPTextModel(transformers.CLIPTextConfig(**about)),
        tokenizer=tokenizer,
        text_encoder_2=transformers.T5EncoderModel(reader),
        tokenizer_2=transformers.T5TokenizerFast(vocab=pieces, extra_ids=0),
        transformer=transformer,
    )
    pipeline.save_pretrained(folder / "pipeline")
    return folder / "pipeline"


def consistency(folder: Path) -> Path:
    """A consistency model of 10 classes, in pixels of 8x8."""
    import diffusers

    torch.manual_seed(0)
    unet = diffusers.UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 8),
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
        layers_per_block=1,
        norm_num_groups=4,
        num_class_embeds=10,
    )
    diffusers.ConsistencyModelPipeline(unet, diffusers.CMStochasticIterativeScheduler()).save_pretrained(folder)
    return folder

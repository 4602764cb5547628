"""Loading a causal language model of the transformers library: precision, placement, quantised weights, adapters.

Only here and in `hugging_face` the library is imported, and only when a model is made.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch

from harness.api import HarnessError, cause_of
from harness.api.instruments import check_finite_weights

Dtype = Literal["float32", "bfloat16", "float16"]
Quantization = Literal["8bit", "4bit"]
_ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


@dataclass(frozen=True)
class Loading:
    """How a network is loaded.

    Attributes:
        dtype: the precision of its computations.
        device_map: where its layers are placed, as accelerate writes it; None to leave it whole.
        quantization: the width of its weights; None for that of `dtype`.
        adapter: the folder of a LoRA adapter.
    """

    dtype: Dtype = "float32"
    device_map: str | Mapping[str, int | str] | None = None
    quantization: Quantization | None = None
    adapter: Path | None = None

    @property
    def placed(self) -> bool:
        """Whether the network stays on the devices where it was loaded."""
        return self.device_map is not None or self.quantization is not None


def load(folder: Path, how: Loading) -> tuple[Any, Any]:
    """The network and its tokenizer, from files alone.

    Raises:
        HarnessError: it cannot be loaded, a package is missing, or a weight is not finite.
    """
    _check_packages(how)
    _check_adapter(how.adapter)
    offline: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        with _without_bars():
            network = AutoModelForCausalLM.from_pretrained(folder, **_network_options(how), **offline)
            if how.adapter is not None:
                network = _adapted(network, how.adapter, merged=how.quantization is None)
            tokenizer = AutoTokenizer.from_pretrained(_tokenizer_folder(folder, how.adapter), **offline)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        cause = cause_of(error)
        raise HarnessError(
            f"{folder} cannot be loaded as a causal language model: {cause}. If this is for a module that could not be "
            "imported, see whether torchvision is of the same build as torch; it is not needed, so it can be removed"
        ) from error
    check_finite_weights(network, str(folder))
    return network, tokenizer


def device_of(layer: Any) -> torch.device:
    """Where a layer computes: the place of its weights, unless accelerate brings them from elsewhere."""
    place = getattr(getattr(layer, "_hf_hook", None), "execution_device", None)
    return torch.device(place) if place is not None and layer.weight.is_meta else torch.device(layer.weight.device)


def _check_packages(how: Loading) -> None:
    needed = {
        "device_map": ("accelerate", how.device_map is not None),
        "quantization": ("bitsandbytes", how.quantization is not None),
        "adapter": ("peft", how.adapter is not None),
    }
    for parameter, (package, wanted) in needed.items():
        if wanted and find_spec(package) is None:
            raise HarnessError(
                f"`{parameter}` of a model needs the package {package}, which is not installed: pip install {package}"
            )


def _check_adapter(adapter: Path | None) -> None:
    for name in _ADAPTER_FILES if adapter is not None else ():
        assert adapter is not None
        if not (adapter / name).is_file():
            raise HarnessError(f"{adapter} is no LoRA adapter as peft saves it: it holds no {name}")


def _network_options(how: Loading) -> dict[str, Any]:
    options: dict[str, Any] = {"dtype": getattr(torch, how.dtype)}
    if how.placed:
        options["device_map"] = "auto" if how.device_map is None else how.device_map
    if how.quantization is not None:
        options["quantization_config"] = _quantization(how.quantization, how.dtype)
    return options


def _quantization(width: Quantization, dtype: Dtype) -> Any:
    from transformers import BitsAndBytesConfig

    if width == "8bit":
        # It says at every product that it computes in float16.
        logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=getattr(torch, dtype)
    )


def _adapted(network: Any, adapter: Path, *, merged: bool) -> Any:
    """The network with an adapter: added to its weights, or beside them where those are quantised."""
    from peft import PeftModel

    with_adapter = PeftModel.from_pretrained(network, str(adapter))
    return with_adapter.merge_and_unload() if merged else with_adapter.get_base_model()


def _tokenizer_folder(folder: Path, adapter: Path | None) -> Path:
    """The folder of the tokenizer: an adapter may bring its own, with a chat template that it was tuned on."""
    return adapter if adapter is not None and (adapter / "tokenizer_config.json").is_file() else folder


@contextmanager
def _without_bars() -> Iterator[None]:
    """Hides the progress bars of the library, which would disturb those of the harness."""
    from transformers.utils import logging

    bars: Any = logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()

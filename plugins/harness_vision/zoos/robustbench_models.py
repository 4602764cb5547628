"""Adapter to the model zoo of RobustBench, with the clean accuracy of its records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from torch import nn

from harness.api import HarnessError, Location, MissingData, Uncounted, cause_of, data_folder, default_folder
from harness.api.instruments import check_finite_weights
from harness_vision.published_accuracy import PublishedAccuracy
from harness_vision.zoos.library import library

_TEST_IMAGES = {"cifar10": 10_000, "cifar100": 10_000, "imagenet": 5_000}
"""On how many test images RobustBench evaluates."""


def robustbench_model(
    name: str,
    dataset: Literal["cifar10", "cifar100", "imagenet"] = "cifar10",
    threat_model: Literal["Linf", "L2", "corruptions"] = "Linf",
    folder: Location | None = None,
    model_info: Path | None = None,
    download: Annotated[bool, Uncounted()] = True,
) -> nn.Module:
    """The model zoo of RobustBench by name, dataset and threat model (extra robustbench).

    A model of RobustBench (Croce et al. 2021, arXiv:2010.09670) for images in [0, 1], normalisation inside.

    The package on the index imports `autoattack` without asking for it: install that from its repository,
    fra31/auto-attack.

    Args:
        name: as the zoo has it, e.g. "Carmon2019Unlabeled".
        dataset: the dataset that it was trained on.
        threat_model: the threat model that it was trained for.
        folder: of RobustBench's weights, with DATASET/THREAT_MODEL/NAME.pt in it; by default the user's cache. Their
            digests are not published, so that other weights under the same name are not noticed.
        model_info: the folder of that name in RobustBench's repository, which its package leaves out; by default
            $HARNESS_DATA/robustness/robustbench/model_info. Without its record the accuracy is not compared.
        download: fetch weights that are not there.

    Raises:
        HarnessError: robustbench is not installed, or has no such model.
        MissingData: the weights are not there and cannot be fetched.
    """
    zoo, enums = library("robustbench.model_zoo", "robustbench"), library("robustbench.model_zoo.enums", "robustbench")
    load_model = library("robustbench.utils", "robustbench").load_model
    table = zoo.model_dicts[enums.BenchmarkDataset(dataset)][enums.ThreatModel(threat_model)]
    if name not in table:
        raise HarnessError(f"RobustBench has no model {name!r} for {dataset} {threat_model}; it has {', '.join(table)}")
    weights = folder or default_folder("robustbench")
    file = weights / dataset / threat_model / f"{name}.pt"
    hint = (
        f"Where there is a network, run `from robustbench.utils import load_model; load_model({name!r}, "
        f"model_dir='FOLDER', dataset={dataset!r}, threat_model={threat_model!r})`; then put the folder here and name "
        "it with `folder:`"
    )
    ensemble = isinstance(table[name].get("gdrive_id"), list)
    is_there = (file.with_name(f"{file.name}_m0.pt") if ensemble else file).is_file()
    if not is_there and not download:
        raise MissingData(f"{file} is not there. {hint}")
    try:
        model: nn.Module = load_model(name, model_dir=weights, dataset=dataset, threat_model=threat_model)
    except _failures() as error:
        message = cause_of(error, 200)
        raise MissingData(f"{name} could not be loaded from {file} or fetched ({message}). {hint}") from error
    check_finite_weights(model, name)
    accuracy = _published(name, dataset, threat_model, model_info)
    if accuracy is not None:
        accuracy.note_on(model)
    return model


def _failures() -> tuple[type[Exception], ...]:
    """The exceptions that loading and downloading raise; gdown has exceptions of its own."""
    gdown = library("gdown.exceptions", "robustbench")
    own = [value for value in vars(gdown).values() if isinstance(value, type) and issubclass(value, Exception)]
    return (OSError, RuntimeError, EOFError, KeyError, AttributeError, *own)


def _published(name: str, dataset: str, threat_model: str, model_info: Path | None) -> PublishedAccuracy | None:
    """The record of a model, if it is there."""
    below = "robustness/robustbench/model_info"
    root = data_folder("robustbench", below, (dataset,), model_info)
    record = root / dataset / threat_model / f"{name}.json"
    if not record.is_file():
        return None
    try:
        clean = float(json.loads(record.read_text(encoding="utf-8"))["clean_acc"]) / 100
    except (ValueError, KeyError, TypeError) as error:
        raise HarnessError(f"{record} is no record of RobustBench with a clean_acc: {error}") from error
    return PublishedAccuracy(clean, _TEST_IMAGES[dataset], dataset, "RobustBench")

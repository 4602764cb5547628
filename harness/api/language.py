"""Language models, decoding and attacks on text."""

from harness.contract.language import (
    Chat,
    Decoding,
    DifferentiableLanguageModel,
    Incremental,
    LanguageModel,
    TextAttack,
    TextBatch,
)

__all__ = ["Chat", "Decoding", "DifferentiableLanguageModel", "Incremental", "LanguageModel", "TextAttack", "TextBatch"]

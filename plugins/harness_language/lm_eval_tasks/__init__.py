"""Tasks of lm-evaluation-harness, by name or from a folder, for any language model here."""

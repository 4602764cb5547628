"""The bottom layer: the words that plugins and the core share. Plugin authors import it as `harness.api`."""

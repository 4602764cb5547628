"""The bottom layer: data types and protocols of plugins and core. Plugin authors import it as `harness.api`."""

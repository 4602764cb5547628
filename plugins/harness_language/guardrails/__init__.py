"""Guardrails: requests that should be refused, ways around refusals, and how often they work."""

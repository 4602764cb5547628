"""Prompts with expected answers, and sentences to choose among."""

"""Adapters to collections of trained models, each of which alone imports its library."""

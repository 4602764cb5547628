"""Attacks beyond plain gradient ascent: smallest distances, decisions only, physical, transferred."""

"""Attacks beyond plain gradient ascent: strong ones, smallest distances, decisions only, physical, transferred."""

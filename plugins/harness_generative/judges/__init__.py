"""Judges of whether samples show what they were asked to: by agreement of text and image, or by answers."""

"""Canvases with digits that are asked for in words: the data, their judge, and a model that reads prompts."""

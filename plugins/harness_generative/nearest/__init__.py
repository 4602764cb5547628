"""Nearest neighbours of samples among data."""

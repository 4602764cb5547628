"""Samplers: plain functions over a denoiser, and the solvers and noise levels they are made of."""

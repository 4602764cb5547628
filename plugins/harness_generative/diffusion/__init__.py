"""The parts of a diffusion model, one idea a module, each to be read beside its paper.

`schedules` draws noise levels, `preconditioning` wraps a network of `networks` into a denoiser, `losses` weighs
its errors, `conditions` says what is asked for, and `training` fits it all. `model` puts them together.
"""

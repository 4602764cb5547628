"""Regression models of functions: constructed, trained, and in closed form."""

"""Explanations of classifiers by maps, and what can be measured of a map without knowing the right one."""

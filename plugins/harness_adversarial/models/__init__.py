"""Models that defend themselves."""

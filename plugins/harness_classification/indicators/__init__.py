"""Signs that an attack has failed, rather than that a model is robust: watched, probed and put into words."""

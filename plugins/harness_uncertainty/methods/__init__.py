"""Methods that make a model say how sure it is, as wrappers of other models."""

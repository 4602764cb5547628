"""Classifiers that a user brings: ONNX files, scikit-learn estimators, exported programs, functions."""

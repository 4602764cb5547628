"""Why a file of NumPy arrays cannot be read, in words that say how to save it instead."""

from __future__ import annotations


def why_no_arrays(error: Exception) -> str:
    """The reason that NumPy gives for a file that it cannot load, with what to do about arrays of objects."""
    # A file that is no array at all is also said to hold pickled data.
    if "Object arrays" in str(error):
        return (
            "it holds an array of Python objects (dtype object), which is not loaded since that may run code; save "
            "numbers, such as np.asarray(x, dtype=np.float32), which needs rows of one length"
        )
    return f"it may be empty, cut short or of another kind: {error}"

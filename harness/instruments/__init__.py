"""What tasks and attacks compute with tensors: one value per example, margins, norms."""

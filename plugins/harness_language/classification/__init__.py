"""Classification of texts, clean and noisy: data, models and the task."""

"""The fifteen corruptions of Hendrycks & Dietterich 2019, by family, for images of any size."""

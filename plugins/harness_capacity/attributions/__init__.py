"""Attribution methods, and controls that every one of them must beat."""

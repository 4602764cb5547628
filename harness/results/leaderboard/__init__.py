"""Models ranked by a metric, with ties shown as ties."""

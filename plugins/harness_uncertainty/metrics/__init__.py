"""Metrics of records: calibration, proper scores, selective prediction, detection, prediction sets, intervals."""

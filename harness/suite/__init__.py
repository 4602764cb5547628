"""From a YAML file to a plan: located YAML, validated suite, resolved cells."""

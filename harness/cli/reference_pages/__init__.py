"""The reference, written as Markdown from the code itself: commands, suite keys, components, hooks, results."""

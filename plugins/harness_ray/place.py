"""What runs on a node of the cluster: an actor around the core's agent."""

from __future__ import annotations

from harness.placing import NodeAgent


class Place:
    """An agent on a node. Ray makes it there, as an actor with two threads: one for cells, one for questions.

    Args:
        settings: of the run, for the agent.
    """

    def __init__(self, settings: str) -> None:
        self._agent = NodeAgent(settings)

    def greet(self) -> str:
        """Return where it is, which says that it is ready."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def run(self, job: str) -> tuple[str, bytes]:
        """Run a cell; returns its result and its files."""
        return self._agent.run(job)

    def progress(self) -> tuple[str, int, int]:
        """Return how far the cell is."""
        return self._agent.progress()

    def close(self) -> None:
        """End what runs and remove what lies here."""
        self._agent.close()

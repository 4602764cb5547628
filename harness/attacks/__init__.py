"""The parts of attacks: batch slots with refill, losses, norm balls, the best and the closest points."""

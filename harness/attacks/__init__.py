"""What attacks are made of: batch slots with refill, losses, norm balls, the best and the closest points."""

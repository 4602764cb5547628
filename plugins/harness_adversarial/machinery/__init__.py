"""What the attacks are made of: losses, norms, sets of examples worked off together, warps and windows."""

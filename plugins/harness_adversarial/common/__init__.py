"""What only these attacks are made of: Auto-PGD in any norm, hyperplanes, warps and windows."""

"""Models behind servers: requests that are kept, repeated, bounded, and paid for."""

"""Measurements that anyone can repeat: each part states a ratio against a baseline of the same run."""

"""Depth data with NumPy: original files, prepared datasets, folders, the grain pipeline."""

"""Reading depth data with NumPy: tfds datasets, folders, single files, and the grain pipeline."""

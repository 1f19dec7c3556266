"""The cards of the data sets that restobench knows, and the pictures of the embedded ones."""

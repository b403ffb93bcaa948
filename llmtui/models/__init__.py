"""The models that the embedded server runs: which there are, where they come from, what is in their files."""

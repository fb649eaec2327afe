"""Results -> what is seen, the same in notebook, HTML and PDF."""

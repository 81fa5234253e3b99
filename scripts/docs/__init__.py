"""The guides, and what makes HTML of them, the README and the docstrings."""

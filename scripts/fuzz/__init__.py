"""Coverage-guided fuzzing of everything that reads foreign text: ``python -m scripts.fuzz [TARGET...]``."""

"""placeholder"""


def compare(a, b):
    return []


def to_markdown(x):
    return ""

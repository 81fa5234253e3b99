"""The ``aikynetix`` command (extra ``cli``): thin commands over the facade, one module each.

Results go to stdout, everything else to stderr; `_exits` says what each exit code means.
"""

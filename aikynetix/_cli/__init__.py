"""The ``aikynetix`` command (extra ``cli``): a thin module for each command over the facade's public names.

Results go to stdout, everything else to stderr. `_options` has the options and the client that they make, `_exit_codes`
what each exit code means, `_output` and `_bars` what people and programs see.
"""

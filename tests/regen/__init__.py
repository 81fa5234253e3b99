"""The regeneration and the vendored spec, as their commands show them."""

"""Changes of the vendor's document, each run through the real pipeline and then used by the facade."""

"""Client for the Aikynetix web API."""

"""Commands of the project's maintainers; none of this is part of the installed package."""

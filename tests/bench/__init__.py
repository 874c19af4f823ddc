"""How fast we are beside the least code that does the same: `make bench`."""

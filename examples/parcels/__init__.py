"""A small product on top of ecwidhub: it notes each store's newest order in the app's storage at Ecwid."""

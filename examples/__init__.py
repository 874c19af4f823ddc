"""Products to learn from; docs/products.md explains them."""

"""The host side of rented machines, and what runs first inside them."""

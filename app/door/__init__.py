"""The door test: what the page says of pictures, scored against what is known of them."""

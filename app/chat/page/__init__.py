"""What is seen in the browser: layout, theme and panels."""

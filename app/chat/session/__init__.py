"""A visitor's stay: what may be brought, where it is kept, when it is forgotten."""

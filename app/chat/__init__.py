"""The chat: a page in the browser on which a mammogram is dropped, looked at and talked about."""

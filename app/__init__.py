"""The door: the one command, the viewer and the chat."""

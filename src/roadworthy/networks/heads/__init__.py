"""Last parts of networks, which say what their raw outputs mean."""

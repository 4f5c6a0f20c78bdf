"""What can be asked about causes, and the libraries that answer it."""

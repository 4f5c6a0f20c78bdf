"""One file per library: each gives functions by name that pick from the same situation."""

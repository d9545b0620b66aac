"""Sources of representations; each turns its own data into a representation store."""

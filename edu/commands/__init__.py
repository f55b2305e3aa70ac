"""The commands of `edu`, a module for each kind of work; each imports what it calls lazily."""

"""How results look, for people and for machines; nothing here calls a service."""

"""The shared service layer: one module per use case, which knows no terminal, no web page and no target."""

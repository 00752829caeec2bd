"""The pipeline as declared resources: one module per AWS service, a plan, and what applies it."""

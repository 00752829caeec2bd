"""The seam to AWS: clients, error translation and waiting."""

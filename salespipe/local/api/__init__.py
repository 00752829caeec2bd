"""The operations that this endpoint answers itself, one module per service; moto answers the others."""

"""The engine that trains and runs networks: it knows tensors, not tumours."""

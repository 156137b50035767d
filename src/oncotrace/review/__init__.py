"""Readers' work: who looks at which mask next, what they say of it, and what follows from that."""

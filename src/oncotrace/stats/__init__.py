"""Numbers in, numbers out: how values agree, differ and vary."""

"""oncotrace: take a tumour from the scanner to a decision."""

__version__ = "0.1.0.dev0"

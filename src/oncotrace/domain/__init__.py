"""What oncotrace talks about: grids, scans, masks, clicks, cases, measurements."""

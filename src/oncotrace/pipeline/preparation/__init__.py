"""The steps of `oncotrace.pipeline.prepare`: what it starts from, decides, makes and concludes."""

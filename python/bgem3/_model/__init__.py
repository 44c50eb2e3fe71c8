"""What all classes stand on: a loaded model, devices, batches, texts as callers give them."""

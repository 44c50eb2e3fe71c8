"""The parts of Tokenizer."""

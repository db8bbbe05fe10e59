"""Text: from a prompt to what text encoders make of it, with weights and embeddings."""

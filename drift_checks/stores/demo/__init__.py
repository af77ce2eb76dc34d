"""The built-in demo store: invented texts, a local embedding, and the databases made from them."""

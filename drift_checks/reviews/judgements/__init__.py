"""What people say about records: who is right, the store or the reviewer."""

"""Which labels of the whole store are probably wrong, by a classifier that has not seen the record."""

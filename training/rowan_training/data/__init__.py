"""Transactions: where they are read from, how they must look, and that none of them gets lost."""

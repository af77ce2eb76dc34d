"""Tests of the first look at a store."""

"""The made-up company behind the sample: its accounts, its contracts, what it sells and what it bills.

A table of the sample is a function of the accounts and of one random stream of its own, so that a new table
changes none of the others.
"""

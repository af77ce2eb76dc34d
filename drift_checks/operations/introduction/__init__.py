"""The first look at a user's store, behind `init`: what is there, what is missing, and what to write down."""

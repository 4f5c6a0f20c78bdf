"""How networks are trained: a plan says how, strategies change it, one loop follows it."""

"""Other tools on the cases of `planted_flaws`, each in an interpreter of its own."""

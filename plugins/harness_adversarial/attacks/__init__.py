"""Strong attacks from the papers: APGD, FAB, Square, and AutoAttack made of them."""

"""Any checkpoint that the spandrel library recognises."""

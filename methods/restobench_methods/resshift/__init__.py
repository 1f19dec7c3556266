"""ResShift (Yue, Wang, Loy; NeurIPS 2023): restoration by shifting the residual, in four to fifteen steps."""

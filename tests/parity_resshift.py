"""How ResShift's golden cases are replayed; `parity.py` imports this when the first of them asks for it."""

from tests import parity_resshift_degradations as parity_resshift_degradations

"""How UFR-GAN's golden cases are replayed; `parity.py` imports this when the first of them asks for it."""

from tests import parity_ufrgan_degradations as parity_ufrgan_degradations

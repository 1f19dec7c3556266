"""How InterLCM's golden cases are replayed; `parity.py` imports this when the first of them asks for it."""

from tests import parity_interlcm_degradations as parity_interlcm_degradations
from tests import parity_interlcm_faces as parity_interlcm_faces

"""Why a published number differs from ours: other ways of scoring, tried on the stored pictures."""

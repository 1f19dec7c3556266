"""InterLCM: low-quality faces restored as intermediate states of a latent consistency model."""

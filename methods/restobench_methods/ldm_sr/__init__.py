"""Latent diffusion super-resolution, x4 (Rombach et al.; CVPR 2022), by the networks of the diffusers library."""

"""UFR-GAN (Nguyen et al., Pattern Recognition Letters 2025): unpaired restoration of many degradations at once."""

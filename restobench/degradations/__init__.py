"""How clean pictures become the degraded ones that methods are trained and tested on.

| module | what it holds |
|---|---|
| `generators` | where all randomness comes from: three generators, handed in |
| `kernels` | blur kernels, by formula and as drawn from the mixed list |
| `filter`, `sharpen` | filtering a batch with them; unsharp masking |
| `resize` | resizing by a random mode, and MATLAB's antialiased bicubic |
| `noise` | Gaussian and Poisson noise, in colour or grey |
| `jpeg` | JPEG as a tensor operation |
| `real_esrgan` | the two-stage chain for real-world super-resolution |
| `face` | the chain of the face-restoration papers |
| `recipes` | the published ranges, by name |
| `masks` | holes for inpainting |
| `augment`, `distortion` | cutting, turning and distorting clean pictures |
| `training` | pairs to train on: all of the above, task by task |
| `pool` | mixing the degradations of several training batches |

Nothing here draws from a global generator, and nothing knows of methods, data sets or metrics.
"""

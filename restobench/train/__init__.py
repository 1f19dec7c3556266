"""Training, whatever the method: the loop, and what a method brings to it.

| module | what it holds |
|---|---|
| `configuration` | what every training has: settings of the loop, clean pictures; reading them from TOML |
| `drawings` | pictures drawn by code |
| `clean` | the clean pictures of a training, from folders, packages and code |
| `average` | the exponential moving average of a network |
| `perceptual` | LPIPS as a loss, its trunk from a file |
| `recipe` | the interface that a method's training meets |
| `log` | the CSV and TensorBoard log, and the sample pictures |
| `state` | what a stopped training goes on from |
| `loop` | the loop |

A recipe joins by the entry point `restobench.recipes`. Nothing here knows a method, a data set
or a metric.
"""

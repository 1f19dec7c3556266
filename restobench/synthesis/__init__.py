"""Data sets made from clean pictures: `restobench datasets make` and `rebuild`.

| module | what it holds |
|---|---|
| `recipe` | what a recipe is, and what it says of itself |
| `mixed`, `faces`, `enlarging` | the recipes: several degradations; faces; super-resolution |
| `registry` | all of them by name |
| `folder`, `workers` | the set on disk, whole or resumable; making its samples |
| `make`, `rebuild` | a set from a folder of clean pictures; a set from its manifest |

A set depends on its recipe, its seed and the clean pictures alone: not on workers, order, `--limit`
or kills. Every drawn value stands in its manifest, from which it can be made again.
"""

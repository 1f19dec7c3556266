"""Published data sets from what people download: `restobench datasets prepare`, `verify` and `fetch`.

| module | what it holds |
|---|---|
| `source`, `archives`, `opening` | what is in a folder, a zip or a tar, without trusting it |
| `layout` | which of it are the pictures of a data set, and what is wrong with them |
| `record` | the prepared folder on disk: its manifest, its journal, its lock |
| `taking` | a picture as it is taken over: copied, linked, or its faces aligned |
| `prepare`, `verify`, `fetch`, `showing` | the commands |

What is downloaded is never changed: pictures are copied byte for byte, and never resampled.
"""

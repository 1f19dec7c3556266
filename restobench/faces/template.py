"""Where eyes, nose and mouth lie in an aligned face. Never imports torch or OpenCV."""

FACE_SIZE = 512
"""Width and height of an aligned face, in pixels."""

Points = tuple[tuple[float, float], ...]
"""(x, y) in pixels; of a face its left eye, right eye, nose, left and right mouth corner, as seen in the picture."""

FACE_TEMPLATE: Points = (
    (192.98138, 239.94708),
    (318.90277, 240.1936),
    (256.63416, 314.01935),
    (201.26117, 371.41043),
    (313.08905, 371.15118),
)
"""Where these lie in an aligned face; FFHQ's place, at 512 pixels."""

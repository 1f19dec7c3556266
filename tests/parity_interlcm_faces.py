"""How the golden cases of InterLCM's photographs are replayed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from restobench.faces.alignment import align
from restobench.faces.detection import choose_faces, detector_size, faces_of
from restobench.faces.grey import colour_variance, is_grey, matched, turned_grey
from restobench.faces.pasting import face_to_canvas, finished, make_canvas, paste
from restobench.faces.reading import as_photograph
from restobench.faces.template import FACE_SIZE, FACE_TEMPLATE
from tests import filling
from tests.parity import Case, kind


def _picture(case: Case, name: str) -> NDArray[np.uint8]:
    """An input in 8 bits, RGB; the cases count channels B, G, R."""
    given = case["inputs"][name]
    drawn = filling.image(given["tag"], given["shape"], given["seed"])[0].permute(1, 2, 0).numpy()
    bgr = (255 * drawn).round().astype(np.uint8)
    if given["map"] == "grey_uint8_hwc":
        bgr = np.repeat(bgr[..., :1], 3, axis=2)
    return np.ascontiguousarray(bgr[..., ::-1])


def _bgr(rgb: NDArray[Any]) -> NDArray[np.float64]:
    return rgb[..., ::-1].astype(np.float64)


@kind("interlcm", "align")
def align_faces(case: Case) -> dict[str, Any]:
    """Reading, and every face moved to the template."""
    config = case["config"]
    photograph = as_photograph(_picture(case, "photo"))
    outputs: dict[str, Any] = {
        "template": FACE_TEMPLATE,
        "input_shape_after_read": list(photograph.picture.shape),
        "is_grey": int(photograph.is_grey),
    }
    for number, landmarks in enumerate(config["landmarks"]):
        crop, affine = align(photograph.picture, landmarks)
        upscale = config["upscale"]
        inverse = face_to_canvas(affine, upscale)
        inverse[:, 2] -= upscale / 2  # the case's is without the offset
        outputs |= {
            f"affine.{number}": affine,
            f"inverse_affine_times_upscale.{number}": inverse,
            f"crop_bgr.{number}": _bgr(crop),
        }
    return outputs


@kind("interlcm", "paste_back")
def paste_back(case: Case) -> dict[str, Any]:
    """Given restored faces, pasted by given labels."""
    config, upscale = case["config"], case["config"]["upscale"]
    photograph = as_photograph(_picture(case, "photo"))
    background = _picture(case, "background") if "background" in case["inputs"] else None
    canvas = make_canvas(photograph.picture, upscale, background)
    for number, landmarks in enumerate(config["landmarks"]):
        crop, affine = align(photograph.picture, landmarks)
        face: Any = _picture(case, f"restored{number}")
        if photograph.is_grey:
            face = matched(turned_grey(face), crop)
        paste(canvas, face, _labels(config["parse_labels"]), affine, upscale)
    picture = finished(canvas)
    return {
        "is_grey": int(photograph.is_grey),
        "bits": 8 * picture.itemsize,
        "result_bgr": _bgr(picture),
    }


def _labels(asked: Case) -> NDArray[np.uint8]:
    y, x = np.mgrid[:FACE_SIZE, :FACE_SIZE]
    ellipse, rows = asked["inside_ellipse"], asked["from_row"]
    (centre_x, centre_y), (radius_x, radius_y) = ellipse["centre_xy"], ellipse["radii_xy"]
    inside = ((x - centre_x) / radius_x) ** 2 + ((y - centre_y) / radius_y) ** 2 <= 1
    labels = np.where(inside, ellipse["label"], asked["elsewhere"])
    labels[rows["row"] :] = rows["label"]
    return labels.astype(np.uint8)


@kind("interlcm", "grey")
def grey(case: Case) -> dict[str, Any]:
    """The test of a photograph, and a restored face turned grey and matched to it."""
    photograph = _picture(case, "photo")
    as_grey = turned_grey(_picture(case, "restored"))
    return {
        "mean_variance_of_channel_differences": colour_variance(photograph),
        "is_grey": int(is_grey(photograph)),
        "bgr2gray": _bgr(as_grey),
        "bgr2gray_then_adain_to_crop": _bgr(matched(as_grey, photograph)),
    }


@kind("interlcm", "eye_distance")
def eye_distance(case: Case) -> dict[str, Any]:
    """Which of given answers of the detector are kept, in pixels of the photograph."""
    config = case["config"]
    shape = tuple(config["photo_shape"])
    size = detector_size(*shape[:2])
    faces = faces_of(np.array(config["detections"]), size.scale)
    chosen = choose_faces(faces, shape, only_center_face=config["only_center_face"])
    return {
        "detector_input_shape": [size.height, size.width, 3],
        "count_returned": len(chosen.faces),
        "landmarks": [face.landmarks for face in chosen.faces],
    }

"""A banner's pixels to its lines of text, with RapidOCR: an extra, for it weighs some 280 MB on the disk.

Its models are those of its wheel. Nothing is fetched from anywhere.
"""

import io
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps

if TYPE_CHECKING:
    from rapidocr import RapidOCR

#: What is looked for in the wheel; RapidOCR downloads one that it does not find.
_MODELS = {"Det": "PP-OCRv6_det_small.onnx", "Rec": "PP-OCRv6_rec_small.onnx"}

#: Pixels, of the longer side; the lines are cut out of a picture of this size at most, which is plenty.
_MOST = 1600


class OcrMissing(Exception):
    """The text of pictures cannot be read here; the message says why and what to install, in French."""


def is_installed() -> bool:
    """Whether `read` has what it needs, as far as can be told without loading it."""
    return bool(find_spec("rapidocr") and find_spec("onnxruntime"))


def read(banner: bytes, enlarged: float = 1) -> tuple[str, ...]:
    """The lines of a banner (a right PNG or JPEG), top to bottom, and left to right where columns stand beside each
    other. `enlarged`: how many times, first: another size misreads other signs.

    A transparent one is read on white, as it is printed: white letters on nothing are not there.

    It takes two seconds the first time and half of one afterwards, some 250 MB for one banner and 450 after many: for
    a workshop of its own.

    :raises OcrMissing: RapidOCR, ONNX Runtime or the models are not there.
    """
    import numpy as np

    engine = _engine()
    said: Any = engine(np.asarray(_legible(banner, enlarged))[:, :, ::-1])
    if said.boxes is None or said.txts is None:
        return ()
    boxes = [
        (box[:, 0].min(), box[:, 1].min(), box[:, 1].max(), text)
        for box, text in zip(said.boxes, said.txts, strict=True)
    ]
    return tuple(text for row in _rows(boxes) for text in row)


def _legible(banner: bytes, enlarged: float) -> Image.Image:
    """On white, as on the invoice's paper, and upright."""
    with Image.open(io.BytesIO(banner), formats=("PNG", "JPEG")) as opened:
        picture = ImageOps.exif_transpose(opened)
        if picture.mode.startswith("I"):  # 16 bits a sample, which a plain conversion cuts off at 255
            picture = picture.convert("I").point(lambda value: value / 256).convert("L")
        picture = picture.convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture)
    ratio = min(enlarged, _MOST / paper.width, _MOST / paper.height)
    size = (max(1, round(paper.width * ratio)), max(1, round(paper.height * ratio)))
    return paper.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _rows(boxes: list[tuple[float, float, float, str]]) -> list[list[str]]:
    """Boxes (left, top, bottom, text) by row: in one row, each one's middle is within the first one's height."""
    rows: list[list[tuple[float, float, float, str]]] = []
    for box in sorted(boxes, key=lambda box: (box[1] + box[2]) / 2):
        if rows and (box[1] + box[2]) / 2 <= rows[-1][0][2]:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [[box[3] for box in sorted(row)] for row in rows]


@cache
def _engine() -> "RapidOCR":
    if not is_installed():
        raise OcrMissing(
            "La lecture du texte des images n'est pas installée (rapidocr et onnxruntime manquent) : "
            "pip install 'origyne-bot[ocr]'"
        )
    try:
        import cv2
        import rapidocr
    except ImportError as error:  # a library that it needs, such as libGL's
        raise OcrMissing(
            f"La lecture du texte des images ne démarre pas ({error}) : pip install 'origyne-bot[ocr]'"
        ) from error
    folder = Path(rapidocr.__file__).parent / "models"
    if absent := [name for name in _MODELS.values() if not (folder / name).is_file()]:
        raise OcrMissing(
            f"La lecture du texte des images a perdu ses modèles ({', '.join(absent)}) : "
            "pip install --force-reinstall 'origyne-bot[ocr]'"
        )
    cv2.setNumThreads(1)
    one_thread = {f"EngineConfig.onnxruntime.{scope}_op_num_threads": 1 for scope in ("intra", "inter")}
    settings: dict[str, Any] = {
        "Global.log_level": "critical",
        "Rec.rec_batch_num": 1,  # lines differ in length: a batch is padded to its longest, for more memory and time
        "Global.use_cls": False,  # a banner's text is never upside down
        # The default enlarges the short side to 736 pixels: ten times the time, and a gigabyte.
        "Det.limit_type": "max",
        "Det.limit_side_len": 1600,
        **one_thread,
        **{f"{part}.model_path": str(folder / name) for part, name in _MODELS.items()},
    }
    return rapidocr.RapidOCR(params=settings)

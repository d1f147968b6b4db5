"""One picture out of the bytes of a file, in any format: upright, alpha on white, first frame."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.datasets.pixels import colour16, dicom, tiff

# A larger image is decompressed only in part or not at all: a small file can claim gigapixels.
MAX_PIXELS = 200_000_000
ORIENTATION = 0x0112
DEEP_MODES = ("I", "F")  # first letters of Pillow's modes beyond 8 bits
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


class Unreadable(ValueError):
    """A file that is no picture; the text is a whole sentence for the sample's problem."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture, upright.

    Attributes
    ----------
    values : ndarray
        uint8 (h, w, 3); or float32 (h, w) or (h, w, 3) for a picture of more than 8 bits, before any window.
    size : tuple of int
        Width and height of the original in pixels; `values` may be smaller.
    frames : int
        How many frames or pages the file holds; `values` is the first.
    kind : str
        The format's name, such as "JPEG".
    """

    values: NDArray[Any]
    size: tuple[int, int]
    frames: int = 1
    kind: str = ""

    @property
    def is_deep(self) -> bool:
        """Whether the values need a window before they can be shown."""
        return self.values.dtype != np.uint8


def read(raw: bytes, side: int) -> Picture:
    """The picture in `raw`, at least `side` pixels on its shorter edge where it has them.

    Raises
    ------
    Unreadable
        Where `raw` is no picture that can be read here. Decoders may raise anything else on a broken file.
    """
    if not raw:
        raise Unreadable("the file is empty")
    if raw[:3] == b"\xff\xd8\xff":
        found = _read_jpeg(raw, side)
        if found is not None:
            return found
    if dicom.is_dicom(raw):
        values, frames = dicom.read(raw, check_size)
        return Picture(values, (values.shape[1], values.shape[0]), frames, "DICOM")
    return _read_any(raw)


def check_size(width: int, height: int) -> None:
    """Raise `Unreadable` where the picture claims too many pixels."""
    if width * height > MAX_PIXELS:
        raise Unreadable(f"the image claims {width}x{height} pixels, more than {MAX_PIXELS:,} in all")


# What a camera held sideways writes into EXIF, and how the rows that it stores are brought upright.
_TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: p[::-1].swapaxes(0, 1),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: p[:, ::-1].swapaxes(0, 1),
}


def _upright(values: NDArray[Any], size: tuple[int, int], orientation: int) -> tuple[NDArray[Any], tuple[int, int]]:
    turn = _TURNS.get(orientation)
    if turn is None:
        return values, size
    return np.ascontiguousarray(turn(values)), size[::-1] if orientation >= 5 else size


def orientation_of(image: Any) -> int:
    """The EXIF orientation of an opened image, 1 to 8; 1 where none is written, or none that can be read."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # metadata are written by any program in any state; the pixels are read all the same
        return 1


def jpeg_orientation(raw: bytes) -> int:
    """The EXIF orientation of a JPEG file, read without decoding it."""
    from PIL import Image

    if b"Exif" not in raw[:65_536]:
        return 1
    try:
        with Image.open(io.BytesIO(raw)) as image:
            return orientation_of(image)
    except Exception:  # see orientation_of
        return 1


def _read_jpeg(raw: bytes, side: int) -> Picture | None:
    """Scaled JPEG decoding, several times faster than decoding whole; None where simplejpeg cannot (CMYK, say)."""
    import simplejpeg

    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(raw)
    except ValueError:
        return None
    if colors in ("CMYK", "YCCK"):
        return None
    check_size(width, height)
    try:
        # min_* ask for the smallest scale at which both edges still reach `side`.
        values = simplejpeg.decode_jpeg(raw, colorspace="RGB", min_height=side, min_width=side, min_factor=1.5)
    except ValueError:
        return None
    upright, size = _upright(np.asarray(values), (width, height), jpeg_orientation(raw))
    return Picture(upright, size, 1, "JPEG")


def _read_any(raw: bytes) -> Picture:
    opened = _opened(raw)
    if opened is None or tiff.is_planar(opened):
        values, frames = tiff.read(raw, check_size)
        return Picture(values, (values.shape[1], values.shape[0]), frames, "TIFF")
    with opened as image:
        check_size(*image.size)
        kind = str(image.format or "")
        frames = _frames(image)
        deep = colour16.planes(image, raw)
        if deep is None:
            image.load()
            if image.mode.startswith(DEEP_MODES):
                deep = tiff.turned_bright(image, np.asarray(image, dtype=np.float32))
        # Read after loading: Pillow turns some formats itself, and then takes the mark away.
        turned = orientation_of(image)
        values = eight_bits(image) if deep is None else deep
    values, size = _upright(values, (values.shape[1], values.shape[0]), turned)
    return Picture(values, size, frames, kind)


def _opened(raw: bytes) -> Any:
    """The image opened by Pillow, of which only the header was read; None for a TIFF that Pillow does not know."""
    from PIL import Image, UnidentifiedImageError

    heif = raw[4:8] == b"ftyp" and raw[8:12] in HEIF_BRANDS
    if heif:
        try:
            import pillow_heif
        except ImportError:
            pass
        else:
            pillow_heif.register_heif_opener()
    try:
        return Image.open(io.BytesIO(raw))
    except UnidentifiedImageError:
        if heif:
            raise Unreadable("a HEIC picture needs the package pillow-heif: pip install 'dqkit[heic]'") from None
        if tiff.is_tiff(raw):
            return None
        raise Unreadable("not an image of a kind that can be read here") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable(f"the image claims too many pixels to be decoded: {error}") from error


def _frames(image: Any) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # a later frame is broken; the first one is what is read
        return 1


def eight_bits(image: Any) -> NDArray[np.uint8]:
    """The loaded 8-bit image of any mode as uint8 (h, w, 3), with what is transparent on white."""
    from PIL import Image, ImageChops

    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        # Pillow takes every CMYK JPEG for inverted; only those that Adobe's marker names are.
        image = ImageChops.invert(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layered = image.convert("RGBA") if image.mode != "La" else image.convert("LA").convert("RGBA")
        if layered.getchannel("A").getextrema()[0] < 255:
            page = Image.new("RGBA", layered.size, "white")
            page.alpha_composite(layered)
            layered = page
        return np.asarray(layered.convert("RGB"))
    return np.asarray(image.convert("RGB"))

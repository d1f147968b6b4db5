"""DICOM pictures through pydicom: the file's own window, MONOCHROME1 turned so that larger is brighter."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.records import MissingExtra

INSTALL = "a DICOM file needs the package pydicom: pip install 'dqkit[dicom]'"


def is_dicom(raw: bytes) -> bool:
    """Whether the bytes start as a DICOM file does: 128 bytes of anything, then DICM."""
    return raw[128:132] == b"DICM"


def read(raw: bytes, check_size: Callable[[int, int], None]) -> tuple[NDArray[Any], int]:
    """The first frame and the number of frames.

    uint8 (h, w, 3) for colour, and for grey with a window or a look-up table of its own; float32 (h, w) for other
    grey values. `check_size` is called with width and height before anything is decoded.
    """
    try:
        import pydicom
        from pydicom.errors import InvalidDicomError
        from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
        from pydicom.pixels.utils import pixel_array
    except ImportError as error:
        raise MissingExtra(INSTALL) from error
    try:
        file = pydicom.dcmread(io.BytesIO(raw))
    except InvalidDicomError as error:
        raise ValueError(f"the DICOM file cannot be read: {error}") from error
    if "PixelData" not in file and "FloatPixelData" not in file and "DoubleFloatPixelData" not in file:
        raise ValueError("the DICOM file holds no picture")
    check_size(int(file.Columns), int(file.Rows))
    frames = int(file.get("NumberOfFrames", 1) or 1)
    try:
        # pydicom brings YBR colours to RGB here.
        stored = pixel_array(file, index=0)
    except (RuntimeError, NotImplementedError) as error:
        raise ValueError(f"the DICOM file's compression needs another decoder of pydicom: {error}") from error
    kind = str(file.get("PhotometricInterpretation", "MONOCHROME2"))
    if kind == "PALETTE COLOR":
        stored = apply_color_lut(stored, file)
    if stored.ndim == 3:
        deep = stored.dtype.itemsize > 1
        return (np.ascontiguousarray(stored.astype(np.float32)) if deep else stored[..., :3].astype(np.uint8)), frames
    values = apply_modality_lut(stored, file).astype(np.float32)
    if _has_window(file):
        shown = apply_voi_lut(apply_modality_lut(stored, file), file).astype(np.float32)
        low, high = _shown_range(file)
        grey = np.clip((shown - low) / ((high - low) or 1.0), 0, 1) * 255
        grey = 255 - grey if kind == "MONOCHROME1" else grey
        return np.repeat(np.round(grey).astype(np.uint8)[..., None], 3, axis=2), frames
    if kind == "MONOCHROME1":
        low, high = _possible(file)
        values = np.float32(low + high) - values
    return values, frames


def _has_window(file: Any) -> bool:
    if "PixelData" not in file:
        return False  # values that are stored as floating-point numbers have no bits for a window to fill
    return bool(file.get("VOILUTSequence")) or (file.get("WindowCenter") not in (None, "") and "WindowWidth" in file)


def _shown_range(file: Any) -> tuple[float, float]:
    """The values that the file's own window or table makes black and white."""
    if file.get("VOILUTSequence"):
        table = file.VOILUTSequence[0]
        bits = int(table.LUTDescriptor[2])
        return 0.0, float(2**bits - 1)
    # pydicom maps the window onto the range of the stored values after the modality rescaling.
    return _possible(file)


def _possible(file: Any) -> tuple[float, float]:
    """The smallest and largest value that the stored bits can mean after the modality rescaling."""
    if "ModalityLUTSequence" in file:
        table = file.ModalityLUTSequence[0]
        return 0.0, float(2 ** int(table.LUTDescriptor[2]) - 1)
    bits = int(file.get("BitsStored", 16))
    signed = bool(file.get("PixelRepresentation", 0))
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    slope, intercept = float(file.get("RescaleSlope", 1) or 1), float(file.get("RescaleIntercept", 0) or 0)
    ends = (low * slope + intercept, high * slope + intercept)
    return min(ends), max(ends)

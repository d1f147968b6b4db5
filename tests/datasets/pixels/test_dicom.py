"""DICOM: the file's own window, MONOCHROME1, the dataset's window where there is none, and a missing pydicom."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from dqkit.datasets.pixels import decode
from dqkit.datasets.pixels.formats import read

pydicom = pytest.importorskip("pydicom")


def dicom(values: np.ndarray, kind: str = "MONOCHROME2", **tags) -> bytes:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    file.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    file.SOPClassUID, file.SOPInstanceUID = SecondaryCaptureImageStorage, file.file_meta.MediaStorageSOPInstanceUID
    file.Rows, file.Columns = values.shape[-2:]
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, kind
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 12, 11, 0
    for name, value in tags.items():
        setattr(file, name, value)
    file.PixelData = values.astype("<u2").tobytes()
    held = io.BytesIO()
    file.save_as(held, enforce_file_format=True)
    return held.getvalue()


RAMP = np.array([[0, 1000, 1500, 2000, 4095]])


def test_the_files_own_window_decides():
    """Centre 1500.5, width 1001, LINEAR (PS3.3 C.11.2.1.2): 1000 is black, 2000 white, 1500 halfway."""
    found = read(dicom(RAMP, WindowCenter="1500.5", WindowWidth="1001"), 64)
    assert not found.is_deep
    assert found.values[0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_monochrome1_is_turned_so_that_more_is_brighter():
    found = read(dicom(RAMP, "MONOCHROME1", WindowCenter="1500.5", WindowWidth="1001"), 64)
    assert found.values[0, :, 0].tolist() == pytest.approx([255, 255, 127.5, 0, 0], abs=0.5)
    assert read(dicom(RAMP, "MONOCHROME1"), 64).values[0].tolist() == [4095, 3095, 2595, 2095, 0]


def test_without_a_window_the_rescaled_values_get_the_datasets():
    found = read(dicom(RAMP, RescaleSlope="2", RescaleIntercept="-1024"), 64)
    assert found.is_deep
    assert found.values[0].tolist() == [-1024, 976, 1976, 2976, 7166]


def test_of_several_frames_the_first_is_used():
    found = read(dicom(np.stack([RAMP, RAMP * 0]), NumberOfFrames="2"), 64)
    assert found.frames == 2
    assert found.values[0].tolist() == RAMP[0].tolist()


def test_a_missing_pydicom_is_a_sentence_that_names_the_command(tmp_path, monkeypatch):
    (tmp_path / "a.dcm").write_bytes(dicom(RAMP))
    monkeypatch.setitem(sys.modules, "pydicom", None)
    assert "pip install 'dqkit[dicom]'" in decode([tmp_path / "a.dcm"]).failures[0]


def test_a_broken_file_is_a_problem_of_its_sample(tmp_path):
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM" + b"nonsense")
    (tmp_path / "b.dcm").write_bytes(dicom(RAMP)[:-6])
    assert sorted(decode([tmp_path / "a.dcm", tmp_path / "b.dcm"]).failures) == [0, 1]

import numpy as np
import pytest
import torch
from PIL import Image

from roadworthy.core.errors import InputError
from roadworthy.sources.datasets import load_dataset
from tests.sources.bad_data import write_images


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def pixels_of(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_each_folder_is_a_class_and_each_file_a_row(tmp_path):
    data = load_dataset(write_images(tmp_path))
    assert data.classes == ("cat", "dog")
    for split in data.splits:
        for image, label, row in zip(split.x, split.y, split.ids, strict=True):
            assert label == row // 4
            expected = torch.tensor(pixels_of(int(row) % 4, 8, 8)) / 255
            assert torch.equal(image[0], expected)


def test_folders_named_as_splits_are_splits(tmp_path):
    for part, seeds in (("train", range(6)), ("validation", range(6, 8)), ("test", range(8, 12))):
        for seed in seeds:
            write(tmp_path / part / ("cat", "dog")[seed % 2] / f"{seed}.png", pixels_of(seed, 4, 4))
    data = load_dataset(tmp_path)
    assert {s.name: len(s) for s in data.splits} == {"train": 6, "val": 2, "test": 4}
    ids = torch.cat([split.ids for split in data.splits])
    assert len(ids.unique()) == 12


def test_one_colored_image_makes_all_rgb(tmp_path):
    root = write_images(tmp_path)
    write(root / "cat" / "9.png", pixels_of(9, 8, 8, 3))
    data = load_dataset(root)
    assert data.train.x.shape[1:] == (3, 8, 8)
    assert "8 grey images were turned into RGB, as the others are." in data.notes


def test_colored_images_keep_their_pixels(tmp_path):
    for seed in range(8):
        write(tmp_path / ("cat", "dog")[seed % 2] / f"{seed}.png", pixels_of(seed, 3, 2, 3))
    data = load_dataset(tmp_path)
    assert data.train.x.shape[1:] == (3, 3, 2)
    shown = {tuple(image.flatten().tolist()) for split in data.splits for image in split.x}
    stored = [torch.tensor(pixels_of(seed, 3, 2, 3)).permute(2, 0, 1) / 255 for seed in range(8)]
    assert shown == {tuple(image.flatten().tolist()) for image in stored}


def test_the_kind_and_size_of_each_file_are_kept(tmp_path):
    root = write_images(tmp_path)
    write(root / "cat" / "9.bmp", pixels_of(9, 8, 8))
    data = load_dataset(root)
    kinds = np.concatenate([split.columns["file kind"] for split in data.splits])
    assert sorted(set(kinds)) == ["BMP L", "PNG L"]
    sizes = np.concatenate([split.columns["file bytes"] for split in data.splits]).astype(float)
    files = [file.stat().st_size for file in root.glob("*/*") if file.suffix in (".png", ".bmp")]
    assert sorted(sizes) == sorted(files)


def test_other_files_are_no_images(tmp_path):
    root = write_images(tmp_path)
    (root / "cat" / "notes.txt").write_text("no image")
    (root / ".cache").mkdir()
    assert sum(len(split) for split in load_dataset(root).splits) == 8


def test_images_with_more_than_eight_bits_are_refused(tmp_path):
    root = write_images(tmp_path)
    write(root / "cat" / "0.png", np.full((8, 8), 40_000, dtype=np.uint16))
    with pytest.raises(InputError, match="8 bits a channel"):
        load_dataset(root)


def test_a_folder_that_is_a_link_out_of_the_folder_is_refused(tmp_path):
    root = write_images(tmp_path)
    (root / "dog").rename(tmp_path / "elsewhere")
    (root / "dog").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="link out of the folder"):
        load_dataset(root)


def test_a_link_within_the_folder_is_followed(tmp_path):
    root = write_images(tmp_path)
    (root / "cat" / "9.png").symlink_to(root / "cat" / "0.png")
    assert sum(len(split) for split in load_dataset(root).splits) == 9

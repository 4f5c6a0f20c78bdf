"""Data that must be refused, and odd data that must work, as the words of a command line."""

import gzip
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from roadworthy.sources.datasets import load_dataset

TREE, NET = "logistic-regression", "digits-cnn"


def load(words):
    """Load the dataset of such words as the command would."""
    options = {}
    rest = list(words[2:])
    while rest:
        name = rest.pop(0)[2:].replace("-", "_")
        value = True if not rest or rest[0].startswith("--") else rest.pop(0)
        options[name] = int(value) if name == "label_offset" else value
    return load_dataset(words[1], **options)


def write_csv(folder, text, name="data.csv"):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def write_npz(folder, name="data.npz", **arrays):
    path = folder / name
    np.savez(path, **arrays)
    return str(path)


def numbers(n=40, classes=2):
    """A small table in which the label follows `a`."""
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, n)).round(3)
    a, y = a + 2 * (np.arange(n) % classes), np.arange(n) % classes
    return a, b, y


def table(label=str, header="a,b,y", end="\n", n=40, classes=2):
    lines = [f"{p},{q},{label(k)}" for p, q, k in zip(*numbers(n, classes), strict=True)]
    return end.join([header, *lines, ""])


def images(n=40, side=8, dtype=np.uint8):
    y = np.arange(n) % 10
    x = np.random.default_rng(0).integers(0, 256, size=(n, side, side))
    return x.astype(dtype), y


def write_images(folder, sizes=(8, 8), bad=None):
    root = folder / "pictures"
    for k, label in enumerate(("cat", "dog")):
        (root / label).mkdir(parents=True)
        for number in range(4):
            pixels = np.random.default_rng(number).integers(0, 256, (sizes[k], 8), dtype=np.uint8)
            Image.fromarray(pixels).save(root / label / f"{number}.png")
    if bad is not None:
        (root / "cat" / "0.png").write_bytes(bad)
    return root


def forged_npy(shape, content=b"", descr="'|u1'"):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (117 - len(header)) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + content


def write_zip(folder, members, name="data.npz"):
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for key, content in members.items():
            file.writestr(f"{key}.npy", content)
    return str(path)


def missing_file(folder):
    return [TREE, str(folder / "no-such-file.csv"), "--target", "y"]


def unknown_name(folder):
    return [TREE, "digitz"]


def unknown_ending(folder):
    return [TREE, write_csv(folder, table(), "data.xlsx"), "--target", "y"]


def folder_called_csv(folder):
    (folder / "data.csv").mkdir()
    return [TREE, str(folder / "data.csv"), "--target", "y"]


def folder_without_images(folder):
    (folder / "pictures" / "cat").mkdir(parents=True)
    return [NET, str(folder / "pictures")]


def damaged_image(folder):
    return [NET, str(write_images(folder, bad=b"\x89PNG\r\n\x1a\n" + b"rubbish" * 9))]


def truncated_image(folder):
    root = write_images(folder)
    whole = (root / "cat" / "0.png").read_bytes()
    (root / "cat" / "0.png").write_bytes(whole[: len(whole) // 2])
    return [NET, str(root)]


def images_of_two_sizes(folder):
    return [NET, str(write_images(folder, sizes=(8, 9)))]


def link_out_of_the_folder(folder):
    root = write_images(folder)
    outside = folder / "secret.png"
    (root / "cat" / "0.png").rename(outside)
    os.symlink(outside, root / "cat" / "0.png")
    return [NET, str(root)]


def group_of_an_image_folder(folder):
    return [NET, str(write_images(folder)), "--group", "patient"]


def empty_csv(folder):
    return [TREE, write_csv(folder, ""), "--target", "y"]


def header_only(folder):
    return [TREE, write_csv(folder, "a,b,y\n"), "--target", "y"]


def one_column(folder):
    return [TREE, write_csv(folder, "y\n0\n1\n0\n1\n"), "--target", "y"]


def no_target_named(folder):
    return [TREE, write_csv(folder, table(header="a,b,c"))]


def wrong_target(folder):
    return [TREE, write_csv(folder, table()), "--target", "outcome"]


def infinite_value(folder):
    return [TREE, write_csv(folder, table() + "inf,0,1\n"), "--target", "y"]


def constant_label(folder):
    return [TREE, write_csv(folder, table(label=lambda k: "yes")), "--target", "y"]


def one_class_in_training(folder):
    rows = "".join(f"{k},{k},{int(k < 5)},{'test' if k < 5 else 'train'}\n" for k in range(20))
    return [TREE, write_csv(folder, "a,b,y,part\n" + rows), "--target", "y", "--split", "part"]


def too_few_rows(folder):
    return [TREE, write_csv(folder, "a,b,y\n1,2,0\n3,4,1\n2,1,0\n"), "--target", "y"]


def duplicate_columns(folder):
    return [TREE, write_csv(folder, table(header="a,a,y")), "--target", "y"]


def ragged_rows(folder):
    return [TREE, write_csv(folder, table() + "1,2\n"), "--target", "y"]


def not_utf8(folder):
    return [
        TREE,
        write_csv(folder, table().encode() + "1,2,né\n".encode("latin1")),
        "--target",
        "y",
    ]


def not_gzip(folder):
    return [TREE, write_csv(folder, table(), "data.csv.gz"), "--target", "y"]


def truncated_gzip(folder):
    packed = gzip.compress(table().encode())[:-20]
    return [TREE, write_csv(folder, packed, "data.csv.gz"), "--target", "y"]


def gzip_bomb(folder):
    packed = gzip.compress(b"a,b,y\n" + b"0,0,0\n" * (20 * 2**20), 1)
    return [TREE, write_csv(folder, packed, "data.csv.gz"), "--target", "y"]


def text_only(folder):
    rows = "".join(f"some message number {k},{k % 2}\n" for k in range(200))
    return [TREE, write_csv(folder, "text,y\n" + rows), "--target", "y"]


def target_of_names(folder):
    rows = "".join(f"{k % 7},person {k}\n" for k in range(200))
    return [TREE, write_csv(folder, "a,y\n" + rows), "--target", "y"]


def parquet_rubbish(folder):
    return [
        TREE,
        write_csv(folder, b"PAR1" + b"rubbish" * 99 + b"PAR1", "d.parquet"),
        "--target",
        "y",
    ]


def split_column_of_one_value(folder):
    text = table(label=lambda k: f"{k},train", header="a,b,y,part")
    return [TREE, write_csv(folder, text), "--target", "y", "--split", "part"]


def split_column_of_other_words(folder):
    text = table(label=lambda k: f"{k},fold {k}", header="a,b,y,part")
    return [TREE, write_csv(folder, text), "--target", "y", "--split", "part"]


def group_column_missing(folder):
    return [TREE, write_csv(folder, table()), "--target", "y", "--group", "patient"]


def split_by_group_without_group(folder):
    return [TREE, write_csv(folder, table()), "--target", "y", "--split", "by-group"]


def split_by_time_of_words(folder):
    months = ["March 3, 2020", "April 4, 2020"]
    text = table(label=lambda k: f'{k},"{months[k]}"', header="a,b,y,day")
    return [TREE, write_csv(folder, text), "--target", "y", "--time", "day", "--split", "by-time"]


def test_file_with_other_columns(folder):
    test = write_csv(folder, table(header="a,c,y"), "test.csv")
    return [TREE, write_csv(folder, table()), "--target", "y", "--test", test]


def without_unknown_rows(folder):
    rows = write_csv(folder, "split,row\ntest,9999\n", "rows.csv")
    return [TREE, write_csv(folder, table()), "--target", "y", "--without", rows]


def without_other_columns(folder):
    rows = write_csv(folder, "row\n3\n", "rows.csv")
    return [TREE, write_csv(folder, table()), "--target", "y", "--without", rows]


def label_offset_too_large(folder):
    return [TREE, write_csv(folder, table()), "--target", "y", "--label-offset", "1"]


def lengths_differ(folder):
    x, y = images()
    return [NET, write_npz(folder, x=x, y=y[:-1])]


def nan_in_images(folder):
    x, y = images(dtype=np.float32)
    x[3, 2, 2] = np.nan
    return [NET, write_npz(folder, x=x, y=y)]


def negative_images(folder):
    x, y = images(dtype=np.float32)
    return [NET, write_npz(folder, x=x / 127.5 - 1, y=y)]


def nan_labels(folder):
    x, y = images()
    return [NET, write_npz(folder, x=x, y=np.where(y == 3, np.nan, y))]


def five_dimensions(folder):
    return [NET, write_npz(folder, x=np.zeros((20, 1, 2, 3, 3)), y=np.arange(20) % 2)]


def complex_inputs(folder):
    return [TREE, write_npz(folder, x=np.zeros((20, 3), complex), y=np.arange(20) % 2)]


def text_inputs(folder):
    return [TREE, write_npz(folder, x=np.full((20, 3), "a"), y=np.arange(20) % 2)]


def one_hot_labels(folder):
    x, y = images()
    return [NET, write_npz(folder, x=x, y=np.eye(10)[y])]


def no_labels(folder):
    return [NET, write_npz(folder, x=images()[0])]


def other_arrays(folder):
    return [NET, write_npz(folder, weights=images()[0])]


def pickled_objects(folder):
    x, _ = images()
    return [NET, write_npz(folder, x=x, y=np.array([{"label": 1}] * len(x), dtype=object))]


def shapes_differ_between_splits(folder):
    x, y = images()
    other = images(side=9)[0]
    return [NET, write_npz(folder, x_train=x, y_train=y, x_test=other, y_test=y)]


def metadata_of_other_length(folder):
    rows = write_csv(folder, table(), "rows.csv")
    return [NET, write_npz(folder, x=images(n=30)[0]), "--metadata", rows, "--target", "y"]


def truncated_npz(folder):
    x, y = images()
    path = Path(write_npz(folder, x=x, y=y))
    path.write_bytes(path.read_bytes()[:-100])
    return [NET, str(path)]


def altered_npz(folder):
    x, y = images()
    path = Path(write_npz(folder, x=x, y=y))
    content = bytearray(path.read_bytes())
    content[400:500] = bytes(100)
    path.write_bytes(content)
    return [NET, str(path)]


def forged_header(folder):
    label = io.BytesIO()
    np.save(label, np.arange(4))
    huge = forged_npy("(1000000, 1000, 1000)", bytes(64))
    return [NET, write_zip(folder, {"x": huge, "y": label.getvalue()})]


def negative_shape(folder):
    return [NET, write_zip(folder, {"x": forged_npy("(-4, -4)", bytes(16))})]


def nested_header(folder):
    header = b"\x93NUMPY\x01\x00" + (9000).to_bytes(2, "little") + b"(" * 8999 + b"\n"
    return [NET, write_zip(folder, {"x": header})]


def zip_bomb(folder):
    path = folder / "data.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("x.npy", "w") as member,
    ):
        member.write(forged_npy("(300, 1048576)"))
        for _ in range(300):
            member.write(bytes(2**20))
    return [NET, str(path)]


BAD_DATA = [
    (case.__name__.replace("_", "-"), case)
    for case in (
        missing_file, unknown_name, unknown_ending, folder_called_csv, folder_without_images,
        damaged_image, truncated_image, images_of_two_sizes, link_out_of_the_folder,
        group_of_an_image_folder, empty_csv, header_only, one_column, no_target_named, wrong_target,
        infinite_value, constant_label, one_class_in_training, too_few_rows, duplicate_columns,
        ragged_rows, not_utf8, not_gzip, truncated_gzip, gzip_bomb, text_only, target_of_names,
        parquet_rubbish, split_column_of_one_value, split_column_of_other_words,
        group_column_missing, split_by_group_without_group, split_by_time_of_words,
        test_file_with_other_columns, without_unknown_rows, without_other_columns,
        label_offset_too_large, lengths_differ, nan_in_images, negative_images, nan_labels,
        five_dimensions, complex_inputs, text_inputs, one_hot_labels, no_labels, other_arrays,
        pickled_objects, shapes_differ_between_splits, metadata_of_other_length, truncated_npz,
        altered_npz, forged_header, negative_shape, nested_header, zip_bomb,
    )
]  # fmt: skip


def labels_as_text(folder):
    return [TREE, write_csv(folder, table(label=["no", "yes"].__getitem__)), "--target", "y"]


def labels_from_one(folder):
    return [TREE, write_csv(folder, table(label=lambda k: k + 1)), "--target", "y"]


def labels_with_gaps(folder):
    return [TREE, write_csv(folder, table(label=(2, 5, 9).__getitem__, classes=3)), "--target", "y"]


def labels_as_truth_values(folder):
    return [TREE, write_csv(folder, table(label=("false", "true").__getitem__)), "--target", "y"]


def missing_values(folder):
    return [TREE, write_csv(folder, table() + ",2,0\n?,NA,1\n"), "--target", "y"]


def byte_order_mark(folder):
    return [TREE, write_csv(folder, b"\xef\xbb\xbf" + table().encode()), "--target", "y"]


def windows_lines(folder):
    return [TREE, write_csv(folder, table(end="\r\n")), "--target", "y"]


def semicolons(folder):
    return [TREE, write_csv(folder, table().replace(",", ";")), "--target", "y"]


def single_row_of_a_class(folder):
    return [TREE, write_csv(folder, table() + "9,9,2\n"), "--target", "y"]


def byte_images(folder):
    x, y = images(n=100)
    return [NET, write_npz(folder, x=x, y=y)]


def labels_in_a_column(folder):
    x, y = images(n=100)
    return [NET, write_npz(folder, train_images=x, train_labels=y[:, None],
                           test_images=x, test_labels=y[:, None])]  # fmt: skip


def channels_last(folder):
    x, y = images(n=100)
    return [NET, write_npz(folder, x=x[..., None], y=y)]


def split_column(folder):
    a, b, y = numbers()
    frame = pl.DataFrame({"a": a, "b": b, "y": y, "part": ["training", "Holdout"] * 20})
    frame = frame.with_columns(y=pl.Series(np.arange(40) // 2 % 2))
    frame.write_parquet(folder / "data.parquet")
    return [TREE, str(folder / "data.parquet"), "--target", "y", "--split", "part"]


HANDLED_DATA = [
    (case.__name__.replace("_", "-"), case)
    for case in (
        labels_as_text, labels_from_one, labels_with_gaps, labels_as_truth_values, missing_values,
        byte_order_mark, windows_lines, semicolons, single_row_of_a_class, byte_images,
        labels_in_a_column, channels_last, split_column,
    )
]  # fmt: skip

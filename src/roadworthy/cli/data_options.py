import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

Text = str | None


def option(*names: str, help: str, **more: Any) -> Any:
    """Declare an option whose default is not worth showing, unless it says so."""
    return typer.Option(*names, help=help, show_default=more.pop("show_default", False), **more)


Model = Annotated[
    Text,
    typer.Argument(
        metavar="MODEL",
        help="A baseline's name (roadworthy list models), a bundle folder, a .pt2, .onnx, .skops, "
        ".keras, XGBoost (.ubj, .json) or LightGBM (.txt) file, an endpoint's http:// address, or "
        "package.module:function. Default: digits-cnn.",
        show_default=False,
    ),
]
Data = Annotated[
    Text,
    typer.Argument(
        metavar="DATA",
        help="A built-in name (roadworthy list datasets), a .npz, .csv, .csv.gz or .parquet "
        "file, or an image folder. Default: digits.",
        show_default=False,
    ),
]
Seed = Annotated[int, option("--seed", help="Root of all random numbers.", show_default=True)]
PolicyFile = Annotated[
    Path | None, option("--policy", help="Policy file; roadworthy.toml is used where it lies.")
]
Budget = Annotated[
    str,
    option("--budget", help="quick, standard, thorough or a number of seconds.", show_default=True),
]
Skip = Annotated[
    list[str] | None, option("--skip", help="Area, check or code to leave out; repeatable.")
]
Device = Annotated[str, option("--device", help="auto, cpu or cuda.", show_default=True)]
StoreFolder = Annotated[
    Path | None,
    option("--store", help="Folder that keeps finished work.", envvar="ROADWORTHY_STORE"),
]
Fresh = Annotated[bool, option("--fresh", help="Ignore finished work of earlier runs.")]
IncludeRows = Annotated[
    bool, option("--include-rows", help="Let rows of the data into the report.")
]
Recipe = Annotated[
    str, option("--recipe", help="What is trained, such as cnn. Default: the usual recipe.")
]
Passes = Annotated[
    int | None,
    option("--passes", help="Rows through the network per training. Default: by the recipe."),
]
TrainingSettings = Annotated[
    list[str] | None, option("--set", help="A field: cnn.width=8; repeatable.")
]
DeclaredFile = Annotated[
    Path | None,
    option("--declared", help="TOML file whose table [declared] answers what no check can."),
]


@dataclass(frozen=True)
class DataOptions:
    """What the user says of model and data that their files do not; each field is an option."""

    target: Annotated[Text, option("--target", help="Column to predict.")] = None
    split: Annotated[
        Text,
        option("--split", help="Column that names each row's split; or random, by-group, by-time."),
    ] = None
    group: Annotated[
        Text, option("--group", help="Column whose rows belong together, such as a patient.")
    ] = None
    environment: Annotated[
        Text, option("--environment", help="Column with the source of a row, such as a hospital.")
    ] = None
    time: Annotated[Text, option("--time", help="Column with the time of a row.")] = None
    task: Annotated[
        Text, option("--task", help="nominal, ordinal or regression, where the guess is wrong.")
    ] = None
    classes: Annotated[
        list[str],
        option("--class", help="Class of the model's next output, from the first on; repeatable."),
    ] = field(default_factory=list)
    ordinal: Annotated[bool, option("--ordinal", help="The classes are ordered.")] = False
    sensitive: Annotated[
        list[str],
        option("--sensitive", help="Column whose groups must be treated alike; repeatable."),
    ] = field(default_factory=list)
    face: Annotated[
        Text,
        option(
            "--face",
            metavar="LEFT,TOP,RIGHT,BOTTOM",
            help="Columns with the box of the face in an image, in pixels.",
        ),
    ] = None
    text: Annotated[
        Text, option("--text", help="Column of a table whose texts are the inputs.")
    ] = None
    metadata: Annotated[
        Text, option("--metadata", help="CSV whose row k describes input k of a .npz file.")
    ] = None
    test: Annotated[Text, option("--test", help="A second file with the test split.")] = None
    production: Annotated[
        Text, option("--production", help="Rows from where the model is used, labelled or not.")
    ] = None
    unlabelled: Annotated[
        Text, option("--unlabelled", help="Rows without a target, which some trainings learn from.")
    ] = None
    answers: Annotated[
        Path | None, option("--answers", help="CSV of row,label for rows without a target.")
    ] = None
    corrections: Annotated[
        Path | None,
        option("--corrections", help="CSV of row,label that replace labels of training rows."),
    ] = None
    without: Annotated[Path | None, option("--without", help="CSV of split,row to leave out.")] = (
        None
    )
    label_offset: Annotated[
        int, option("--label-offset", help="Number of the first class.", show_default=True)
    ] = 0
    trust: Annotated[
        bool,
        option("--trust", help="Load a pickle. It can run any code: only if you know its maker."),
    ] = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "DataOptions":
        """Take the options out of all that a verb was given."""
        chosen = {part.name: given[part.name] for part in dataclasses.fields(cls)}
        return cls(**chosen | {name: list(chosen[name] or ()) for name in _LISTS})

    def words(self) -> list[str]:
        """Write the options as they were given, leaving out those that were not."""
        words: list[str] = []
        for part in dataclasses.fields(self):
            value, flag = getattr(self, part.name), _flag(part)
            if value is True:
                words.append(flag)
            elif isinstance(value, list):
                words += [word for entry in value for word in (flag, entry)]
            elif value not in (None, False, 0):
                words += [flag, str(value)]
        return words


def _flag(part: "dataclasses.Field[Any]") -> str:
    info = part.type.__metadata__[0]
    # typer takes the first name for the default where the option is an annotation
    return str(info.default if isinstance(info.default, str) else info.param_decls[0])


def takes_data_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options of `DataOptions` in place of its parameter `data_options`."""
    own = inspect.signature(verb).parameters
    fields = dataclasses.fields(DataOptions)

    @functools.wraps(verb)
    def command(**given: Any) -> None:
        own_only = {name: value for name, value in given.items() if name in own}
        verb(data_options=DataOptions.of(given), **own_only)

    parameters: list[inspect.Parameter] = []
    for name, parameter in own.items():
        if name != "data_options":
            parameters.append(parameter)
            continue
        for part in fields:
            is_list = part.default is dataclasses.MISSING
            parameters.append(
                inspect.Parameter(
                    part.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=None if is_list else part.default,
                    annotation=part.type,
                )
            )
    keywords = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    command.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    return command


_LISTS = {
    part.name for part in dataclasses.fields(DataOptions) if part.default is dataclasses.MISSING
}

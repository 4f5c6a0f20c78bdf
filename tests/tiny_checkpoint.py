"""Checkpoints small enough for a test, of each kind that a training can start from."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from tokenizers.normalizers import BertNormalizer

from roadworthy.training.pretrained import quiet

WORDS = [
    "It is low, row 1.",
    "It is middle, row 23.",
    "It is high, row 45.",
    "the cat sat on a mat",
]
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SHAPES = {
    "distilbert": {"dim": 16, "hidden_dim": 32, "n_layers": 2, "n_heads": 2},
    "electra": {"embedding_size": 8},
}
USUAL = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
CLASSES = {
    "bert": "Bert",
    "camembert": "Camembert",
    "distilbert": "DistilBert",
    "electra": "Electra",
    "mpnet": "MPNet",
    "roberta": "Roberta",
    "xlm-roberta": "XLMRoberta",
}


def tokenizer_of(marks: list[str]) -> Tokenizer:
    """Learn pieces of words; the first of the marks is padding."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(
        WORDS, trainers.WordPieceTrainer(vocab_size=90, special_tokens=marks, show_progress=False)
    )
    ends = [(mark, made.token_to_id(mark)) for mark in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, ends)
    return made


def save_checkpoint(folder: Path, family: str = "bert", seed: int = 0, **config: object) -> Path:
    """Write a checkpoint with random weights: an encoder of two blocks, and its tokenizer."""
    import transformers

    shape = SHAPES.get(family, {})
    shape = shape if family == "distilbert" else {**USUAL, **shape}
    first = CLASSES[family]
    # these count places, and padding, from 1
    shifted = family in ("camembert", "mpnet", "roberta", "xlm-roberta")
    marks = ["[CLS]", "[PAD]", *MARKS[1:2], *MARKS[3:]] if shifted else MARKS
    tokenizer = tokenizer_of(marks)
    settings = {
        "vocab_size": tokenizer.get_vocab_size(),
        "max_position_embeddings": 66 if shifted else 64,
        **shape,
        **config,
    }
    torch.manual_seed(seed)
    made = getattr(transformers, f"{first}Config")(**settings)
    with quiet():
        getattr(transformers, f"{first}Model")(made).save_pretrained(folder)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=64,
    )
    fast.save_pretrained(folder)
    return folder


def change_config(folder: Path, **said: object) -> None:
    """Let a checkpoint's config say something else."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **said}))

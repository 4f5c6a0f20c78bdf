import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from roadworthy.core.errors import InputError, MissingExtraError
from roadworthy.core.text import to_texts

PADDING = -1  # no subword has this number, whatever stands in a text
LARGEST = 64 << 20  # bytes of a tokenizer's file; a bound for settings that come from a file
LONGEST = 8192


class SubwordTokenizer(nn.Module):
    """Numbers the pieces of words in a text, as the tokenizer of a checkpoint does.

    The tokenizer's file, `tokenizer.json` of Hugging Face, is a tensor of bytes, so that a bundle
    holds it. Rows are as long as the longest of them; what follows the last piece is padding. What
    comes later in a text than it may is left out. No derivative leads through it.

    Args:
        size: bytes of the file.
        words: how many numbers the network behind it knows.
        length: pieces of a text that are read, with those that mark its beginning and end.
    """

    def __init__(self, size: int, words: int, length: int) -> None:
        super().__init__()
        if not 1 <= size <= LARGEST or not 1 <= length <= LONGEST or words < 1:
            raise ValueError(
                f"size must be from 1 to {LARGEST}, length from 1 to {LONGEST}, and words positive"
            )
        self.words = words
        self.length = length
        self.register_buffer("file", torch.zeros(size, dtype=torch.uint8))
        self._made = None
        self.register_load_state_dict_post_hook(_forget)

    def measure(self, x: Tensor) -> None:
        """Learn nothing of the inputs: the file says all."""

    def forward(self, x: Tensor) -> Tensor:  # (N, L) code points to (N, W), at least one column
        if not len(x):
            return torch.full((0, 1), PADDING, device=x.device)
        pieces = self._tokenizer().encode_batch(to_texts(x))
        rows = [torch.tensor(piece.ids or [PADDING], dtype=torch.int64) for piece in pieces]
        return pad_sequence(rows, batch_first=True, padding_value=PADDING).to(x.device)

    def _tokenizer(self):
        """Read the file, once.

        Raises:
            MissingExtraError: tokenizers is not installed.
            InputError: the file is damaged, or of another network.
        """
        if self._made is None:
            try:
                from tokenizers import Tokenizer
            except ImportError:
                raise MissingExtraError("a tokenizer of subwords", "transformers") from None
            try:
                made = Tokenizer.from_str(bytes(self.file.cpu().numpy()).decode())
                made.no_padding()
                made.enable_truncation(self.length)
            except Exception as error:  # the package raises nothing narrower
                raise InputError(f"the tokenizer is damaged: {str(error)[:160]}") from None
            if max(made.get_vocab().values(), default=0) >= self.words:
                raise InputError(
                    f"the tokenizer knows more pieces of words than the network's {self.words}"
                )
            self._made = made
        return self._made


def _forget(module: nn.Module, _: object) -> None:
    """Read the file again when another one was put in its place."""
    module._made = None

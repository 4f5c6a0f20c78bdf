import pytest


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["inspect", "--gate", "sometimes"], "--gate takes"),
        (["inspect", "--budget", "lots"], "--budget takes"),
        (["inspect", "--budget", "-3"], "--budget takes"),
        (["inspect", "--device", "tpu"], "--device takes"),
        (["compare", "digits", "--device", "tpu"], "--device takes"),
        (["inspect", "--only", "acuracy"], "did you mean accuracy"),
        (["inspect", "--only", "accuracy", "--skip", "performance"], "leave no check"),
        (["inspect", "--policy", "none.toml"], "there is no policy file"),
        (["inspect", "--out", "/proc/here"], "--out"),
        (["inspect", "--seed", "many"], "--seed"),
        (["inspect", "--sead", "1"], "--sead"),
        (["diff", "a.json", "b.json"], "cannot read the report"),
    ],
)
def test_a_wrong_option_is_answered_by_a_sentence(words, says, command, tmp_path):
    code, _, err = command(*words)
    assert code == 2
    assert says in " ".join(err.split())
    assert "Traceback" not in err
    assert not (tmp_path / "store").exists(), "options are looked at before anything is computed"

import pytest

from llmtui.reports.rules import RuleError, parse_rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("decode<-5%", ("decode<-5%", "decode", True, 0.95)),
        (" ttft > 10 % ", ("ttft>10%", "ttft", False, 1.1)),
        ("ttft>+2.5%", ("ttft>+2.5%", "ttft", False, 1.025)),
        ("memory>0%", ("memory>0%", "memory", False, 1.0)),
    ],
)
def test_a_rule_is_read(text, rule):
    found = parse_rule(text)
    assert (found.text, found.figure.name, found.below, found.bound) == rule


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no rule; write a figure and a bound, such as decode<-5% or ttft>10%"),
        ("decode", "is no rule"),
        ("decode<-5", "is no rule"),
        ("decode<=5%", "is no rule"),
        ("decode<nan%", "is no rule"),
        ("decode<-5%\x1b[2J", "is no rule"),
        ("speed<-5%", "`speed` is no figure; there are ttft, decode"),
        ("decode<-100%", "no figure changes by -100 % or less"),
        (f"decode<{'9' * 400}%", "can't be"),
    ],
)
def test_what_is_no_rule_gets_one_sentence(text, sentence):
    with pytest.raises(RuleError, match=sentence) as caught:
        parse_rule(text)
    assert str(caught.value).isprintable()

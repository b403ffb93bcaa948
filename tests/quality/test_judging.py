import pytest

from llmtui.quality.answers import LONGEST
from llmtui.quality.judging import score_answer
from llmtui.quality.scorers import AllOf, Choice, Count, Items, Json, Language, Number, Shape, Words


def passed(scorer, answer):
    score = score_answer(scorer, answer)
    assert 0 <= score.score <= 1
    assert score.passed == (score.score == 1)
    assert score.detail
    assert score.detail.isprintable()
    return score.passed


NUMBER = Number(value=42, units={"km": 1, "m": 0.001})
MONEY = Number(value=1250, tolerance=0.005)


@pytest.mark.parametrize(
    "answer",
    [
        "42", "42.", "The answer is 42.", "**42**", "$42.00", "Answer: 42 km", "Answer: **42,000 m**", "= 42", "42.0",
        "6 * 7 = 42", "```\n42\n```", "\\boxed{42}", "\\(42\\)", "<think>maybe 41? or 40</think>\n42", "so 41? no.</think>42",
        "The answer is 42, not 40.", "The answer is 42 (since 6 * 7 = 42).", "First 12 + 30.\nThat is 42.", "84/2",
        "42\n\nI took 6 rows of 7.", "The final answer is:\n42", "\x1b[1m42\x1b[0m", "Answer: 6 * 7 = 42",
        "Answer: 42 because 84 halves to that and 40 is less",
    ],
)  # fmt: skip
def test_a_number_as_people_write_it(answer):
    assert passed(NUMBER, answer)


@pytest.mark.parametrize(
    "answer",
    [
        "", "   ", "none", "41", "-42", "420", "4.2", "42 or 43", "The answer is 42 or 40.", "between 42 and 45",
        "The answer is 42. No, the answer is 40.", "It has 42 rows of 2.", "<think>42", "<think>42</think>", "42%\n43",
        "The answer is 41, not 42.", "42 m", "4\x1b[31m2", "142", "42,5", "1/0", "42-45", "9" * (LONGEST + 1), "42" * 200,
    ],
)  # fmt: skip
def test_a_number_that_is_wrong_or_not_settled(answer):
    assert not passed(NUMBER, answer)


def test_money_and_words_for_numbers():
    assert passed(MONEY, "That makes $1,250.00.")
    assert passed(MONEY, "Answer: $ 1250")
    assert not passed(MONEY, "$1,205.00")
    assert not passed(MONEY, "1.25")
    assert passed(Number(value=12), "Answer: twelve")
    assert not passed(Number(value=12), "Answer: twelve or eleven")
    assert passed(Number(value=-3), "Answer: -3")
    assert passed(Number(value=0.333, tolerance=0.001), "Answer: 1/3")


WORDS = Words(any=("Anna",), rivals=("Ben", "Cara"))


@pytest.mark.parametrize(
    "answer",
    [
        "Anna",
        "anna.",
        "**Anna**",
        "The answer is Anna.",
        "Anna, not Ben.",
        "Anna\n\nShe is taller than Ben.",
        "Ben is tall.\nAnswer: Anna",
        "It is Anna because Ben is shorter.",
    ],
)
def test_a_word(answer):
    assert passed(WORDS, answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Ben",
        "Anna or Ben",
        "Anna, Ben, Cara",
        "not Anna",
        "Joanna",
        "Answer: Anna\nAnswer: Ben",
        "<think>Anna</think>",
        "Who is it, Anna, Ben or Cara?",
    ],
)
def test_a_word_that_is_wrong_or_not_settled(answer):
    assert not passed(WORDS, answer)


def test_a_word_and_nothing_else():
    only = Words(any=("READY",), whole=True, case=True)
    assert passed(only, " **READY**. ")
    assert not passed(only, "ready")
    assert not passed(only, "READY READY")


CHOICE = Choice(letter="B")


@pytest.mark.parametrize(
    "answer",
    [
        "B",
        "b",
        "(B)",
        "B) Paris",
        "**B**",
        "Option B",
        "The answer is B.",
        "The answer is (b)",
        "Not A.\nAnswer: B",
        "B\n\nA) is too old\nC) is too new",
        "I choose option b, a good one",
    ],
)
def test_a_letter(answer):
    assert passed(CHOICE, answer)


@pytest.mark.parametrize(
    "answer",
    [
        "A",
        "A or B",
        "A) one\nB) two\nC) three",
        "A, B, C, D",
        "Answer: A or B",
        "Answer: B\nAnswer: C",
        "",
        "A boat",
        "Bananas",
        "not B",
        "(A) (B)",
    ],
)
def test_a_letter_that_is_wrong_or_not_settled(answer):
    assert not passed(CHOICE, answer)


def test_an_article_is_no_choice():
    assert not passed(Choice(letter="A"), "A train was late")
    assert passed(Choice(letter="A"), "A) A train was late")


SET = Items(items=("flute", "drums", "horn"))
ROW = Items(items=("2", "3", "5"), ordered=True, separator="comma")
LINES = Items(items=("Sat", "Sun"), ordered=True, separator="line")


@pytest.mark.parametrize(
    "answer",
    [
        "flute, drums, horn",
        "Horn, flute and drums.",
        "- flute\n- drums\n- horn",
        "1. flute\n2. horn\n3. drums",
        "The instruments are: drums, horn, and flute",
        "Here they are:\n* flute\n* drums\n* horn",
    ],
)
def test_a_set(answer):
    assert passed(SET, answer)


@pytest.mark.parametrize(
    "answer",
    ["flute, drums", "flute, drums, horn, violin", "flute drums horn", "flute, flute, drums, horn", "", "violin"],
)
def test_a_set_that_is_wrong(answer):
    assert not passed(SET, answer)


def test_lists_with_an_order_and_a_form():
    assert passed(ROW, "2, 3, 5")
    assert not passed(ROW, "3, 2, 5")
    assert not passed(ROW, "2\n3\n5")
    assert not passed(ROW, "Here: 2, 3, 5")
    assert passed(LINES, "Sat\nSun")
    assert not passed(LINES, "- Sat\n- Sun")
    assert not passed(LINES, "Sat, Sun")
    assert score_answer(ROW, "5, 3, 2").detail == "the items are right, their order is not"


JSON = Json(
    schema={
        "type": "object",
        "properties": {"name": {"type": "string", "const": "Nils"}, "age": {"type": "integer", "const": 34}},
        "optional": (),
    }
)
BARE = Json(schema=JSON.schema, bare=True)
GOOD = '{"name": "Nils", "age": 34}'


@pytest.mark.parametrize("answer", [GOOD, f"```json\n{GOOD}\n```", f"Here it is:\n{GOOD}\nDone.", f"{GOOD}\n{GOOD}"])
def test_json(answer):
    assert passed(JSON, answer)


@pytest.mark.parametrize(
    "answer",
    [
        "{'name': 'Nils', 'age': 34}", '{"name": "Nils"}', '{"name": "Nils", "age": "34"}', '{"name": "Nils", "age": true}', '{"name": "Nils", "age": 34, "x": 1}',
        '{"name": "Nils", "name": "Nils", "age": 34}', f'{GOOD} {{"name": "Ola", "age": 3}}', '{"name": "Nils", "age": NaN}', "[" * 9000, '{"a":' * 3000, "", "34", GOOD[:-1],
        f'{{"outer": {GOOD}}}', f"{{broken {GOOD}",
    ],
)  # fmt: skip
def test_json_that_does_not_fit(answer):
    assert not passed(JSON, answer)


def test_json_and_nothing_else():
    assert passed(BARE, GOOD)
    assert passed(BARE, f"```\n{GOOD}\n```")
    assert not passed(BARE, f"Sure: {GOOD}")
    assert not passed(BARE, f"{GOOD} Done.")


def test_counts():
    assert passed(Count(of="sentences", least=2, most=2), "It is 3.5 m wide. Dr. Vale said so!")
    assert not passed(Count(of="sentences", least=2, most=2), "One. Two. Three.")
    assert passed(Count(of="words", most=3), "well-known don't stop")
    assert not passed(Count(of="words", most=3), "one two three four")
    assert passed(Count(of="lines", least=2, most=2), "a\n\nb")
    assert not passed(Count(of="lines", least=2, most=2), "a b")
    assert score_answer(Count(of="words", most=100), "go " * 60).detail == "the answer repeats itself"


def test_languages():
    german = Language(language="German")
    assert passed(german, "Das Brot ist frisch und es liegt auf dem Tisch.")
    assert not passed(german, "The bread is fresh and it is on the table.")
    assert not passed(german, "Brot")
    assert not passed(german, "The word is der. It is the best of the words that were in this list.")
    assert passed(Language(language="French"), "Le pain est sur la table et il est dans le panier.")


def test_the_shape_of_a_text():
    assert passed(Shape(case="lower", ends=".", has=("dog",), avoids=("cat",)), "a dog sleeps.")
    for answer in ("A dog sleeps.", "a dog sleeps", "a wolf sleeps.", "a dog and a cat."):
        assert not passed(Shape(case="lower", ends=".", has=("dog",), avoids=("cat",)), answer)
    assert passed(Shape(lines_begin="- "), "- a\n- b")
    assert not passed(Shape(lines_begin="- "), "- a\nb")


def test_all_of_them():
    both = AllOf(of=(Count(of="words", most=3), Shape(case="upper")))
    assert passed(both, "GO ON")
    half = score_answer(both, "go on")
    assert (half.passed, half.score, half.detail) == (False, 0.5, "not all letters are upper case")


def test_what_a_model_wrote_cannot_act_in_a_sentence_about_it():
    detail = score_answer(Words(any=("x",), whole=True), "\x1b]0;title\x07 \u202e evil \x00" + "y" * 500).detail
    assert detail.isprintable()
    assert len(detail) < 130

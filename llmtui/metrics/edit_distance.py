"""How far two texts are apart, in edits. Pure."""


def edit_distance(first: str, second: str) -> int:
    """Return the least number of characters to insert, delete or replace to make one text of the other (Levenshtein).

    Myers' bit vectors (Journal of the ACM 46, 1999) in the form of Hyyrö (2003), in Python's long integers: a column of
    the matrix is two numbers of as many bits as the shorter text has characters, so memory grows with its length alone.
    """
    if len(first) < len(second):
        first, second = second, first
    if not second:
        return len(first)
    places: dict[str, int] = {}
    for place, character in enumerate(second):
        places[character] = places.get(character, 0) | 1 << place
    mask, last = (1 << len(second)) - 1, 1 << len(second) - 1
    # A bit says whether the distance grows, or falls, from one row of the column to the next.
    grows, falls, distance = mask, 0, len(second)
    for character in first:
        equal = places.get(character, 0)
        level = (((equal & grows) + grows) ^ grows) | equal | falls
        right_up = falls | ~(level | grows) & mask
        right_down = grows & level
        if right_up & last:
            distance += 1
        elif right_down & last:
            distance -= 1
        right_up = right_up << 1 | 1
        grows = (right_down << 1 | ~(level | right_up)) & mask
        falls = right_up & level & mask
    return distance


def normalized_distance(first: str, second: str) -> float:
    """Return the edit distance over the length of the longer text: 0 for equal texts, 1 where nothing is in common.

    Two empty texts are equal.
    """
    longer = max(len(first), len(second))
    return edit_distance(first, second) / longer if longer else 0.0

"""The distributions behind the intervals: Student's t and the binomial, in plain Python."""

import math
from functools import lru_cache

LARGE_DEGREES = 1e4
"""Degrees of freedom from which the normal quantile with two corrections is right to eleven digits."""

_CLOSE = 1e-16
_TINY = 1e-300
_MOST_TERMS = 10_000


def student_cdf(t: float, degrees: float) -> float:
    """Return the probability that Student's t with `degrees` of freedom (above 0) is at most `t`.

    By the regularized incomplete beta function, P(|T| > t) = I_x(degrees / 2, 1 / 2) at x = degrees / (degrees + t²)
    (Abramowitz and Stegun 26.7.1); right to about 13 digits.
    """
    square = t * t
    if math.isinf(square):
        return 1.0 if t > 0 else 0.0
    beyond = incomplete_beta(degrees / 2, 0.5, degrees / (degrees + square), square / (degrees + square)) / 2
    return 1 - beyond if t > 0 else beyond


@lru_cache(maxsize=512)
def student_quantile(probability: float, degrees: float) -> float:
    """Return the t below which Student's t with `degrees` of freedom lies with `probability` (above 0, below 1).

    Found by bisection of `student_cdf` down to neighbouring floats; from `LARGE_DEGREES` (d) on by two terms of the
    Cornish-Fisher expansion, z + (z³ + z) / 4d + (5z⁵ + 16z³ + 3z) / 96d² (Abramowitz and Stegun 26.7.5). Right to 10
    digits for probabilities from 0.0001 to 0.9999.
    """
    if not 0 < probability < 1 or degrees <= 0:
        raise ValueError(f"no quantile at probability {probability} with {degrees} degrees of freedom")
    if probability == 0.5:  # noqa: PLR2004 - the middle
        return 0.0
    if probability < 0.5:  # noqa: PLR2004 - symmetry
        return -student_quantile(1 - probability, degrees)
    if degrees >= LARGE_DEGREES:
        # Imported here: the module costs a viewer, which only wants to know that a figure is missing, two megabytes.
        from statistics import NormalDist  # noqa: PLC0415

        z = NormalDist().inv_cdf(probability)
        return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
    low, high = 0.0, 1.0
    while student_cdf(high, degrees) < probability:
        low, high = high, high * 2
    while low < (middle := (low + high) / 2) < high:
        if student_cdf(middle, degrees) < probability:
            low = middle
        else:
            high = middle
    return high


def incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b); `rest` is 1 - x, given so that no digit is lost.

    By the continued fraction of DLMF 8.17.22, evaluated by Lentz's method on the side where it converges fast.
    """
    if x <= 0:
        return 0.0
    if rest <= 0:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, rest, x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)) / a
    upper, lower = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    fraction = lower
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            lower = 1 / _away_from_zero(1 + term * lower)
            upper = _away_from_zero(1 + term / upper)
            fraction *= lower * upper
        if abs(lower * upper - 1) <= _CLOSE:
            break
    return min(1.0, front * fraction)


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def binomial_cdf(successes: int, trials: int, probability: float) -> float:
    """Return the probability of at most `successes` in `trials`, for a `probability` above 0 and below 1.

    Summed from the largest term of the shorter tail outwards; right to about 9 digits for a million trials.
    """
    if successes < 0:
        return 0.0
    if successes >= trials:
        return 1.0
    if successes > trials * probability:
        return 1 - binomial_cdf(trials - successes - 1, trials, 1 - probability)
    term = math.exp(
        math.lgamma(trials + 1)
        - math.lgamma(successes + 1)
        - math.lgamma(trials - successes + 1)
        + successes * math.log(probability)
        + (trials - successes) * math.log1p(-probability)
    )
    total, k = 0.0, successes
    while k >= 0 and term > total * _CLOSE:
        total += term
        term *= k * (1 - probability) / ((trials - k + 1) * probability)
        k -= 1
    return min(1.0, total)

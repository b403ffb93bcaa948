"""The sentences of which documents are composed: what a small town's paper may write of, by topic.

`{few}`, `{some}` and `{many}` are numbers of one, two and three digits, the other gaps are filled from `FILLERS`.
"""

from collections.abc import Mapping

FILLERS: Mapping[str, tuple[str, ...]] = {
    "person": (
        *("Ines Kaltwasser", "Tobias Renn", "Amara Okoye", "Jonas Feldmann", "Lucia Brandt", "Piet van Doorn"),
        *("Selma Aksoy", "Erik Lindqvist", "Nadia Rahimi", "Clara Weidner", "Hugo Marchand", "Vera Sokolova"),
    ),
    "street": (
        *("Mill Lane", "Harbour Street", "the old market square", "Linden Row", "Station Road", "the upper bridge"),
        *("Chapel Hill", "the tannery yard", "Orchard Close", "the southern embankment"),
    ),
    "month": ("January", "March", "April", "June", "August", "September", "October", "December"),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "thing": ("notebook", "lantern", "ladder", "barometer", "bicycle", "accordion", "sewing machine", "rowing boat"),
}

TOPICS: Mapping[str, tuple[str, ...]] = {
    "library": (
        "The library on {street} lent {many} books in {month}, more than in any month since it was opened.",
        "{person}, who runs the lending desk, said that most new readers are between {few} and {some} years old.",
        "A reading room with {some} seats is to be opened on the first floor before the end of {month}.",
        "The oldest book in the house is a tide table from the time when the harbour still had {few} pilots.",
        "On every {day} a group of {some} people meets there to repair books that were dropped or left in the rain.",
        "The council had wanted to cut the opening hours by {some} hours a month, and gave up after {few} meetings.",
        "Since {month} readers may also borrow a {thing}, which was asked for {some} times within the first week.",
        "Fines for late books brought in less than the stamps for the reminders, so they were dropped without talk.",
        "One visitor returned a novel after {some} years, together with a letter of apology and a jar of plum jam.",
    ),
    "bridge": (
        "The bridge near {street} has been closed to lorries since {month}, when a long crack was found.",
        "{person} of the building office measured it {few} times and found that it grows by less than a hair a week.",
        "Until the repair is done, heavy goods take the detour by {street}, which costs each driver {some} minutes.",
        "The first offer for the work was {many} thousand, the second one a third less and without a guarantee.",
        "Cyclists may still cross, but have to dismount for the {some} metres between the two towers.",
        "Divers looked at the pillars on a {day} and brought up {few} anchors, a safe without a door and a {thing}.",
        "The bridge was built within {some} weeks after a flood had carried its wooden forerunner to the sea.",
        "If the frost comes before {month}, the concrete can't be poured, and the closure lasts until spring.",
        "Shopkeepers on both banks say that they lost {some} customers a day, though none of them had counted before.",
    ),
    "garden": (
        "On the slope behind {street} {some} families share a garden that was a rubbish tip only {few} years ago.",
        "Each of them has a bed of {some} square metres, a key to the shed, and one turn a month at the compost.",
        "{person} grows {few} kinds of beans there and writes down each evening how much rain has fallen.",
        "In {month} snails ate {many} seedlings in two nights, after which a family of ducks was brought in.",
        "The ducks found the strawberries first, and were given a fence of their own by the next {day}.",
        "Water comes from a well that is {some} metres deep and was dug by hand in the dry summer.",
        "What is left over is sold on {day} from a handcart; the money went into a {thing} and a second rain barrel.",
        "A soil test had shown traces of lead along the wall, so nothing but flowers is planted there.",
        "The waiting list has {some} names on it, and the last person to get a bed had waited for {few} years.",
    ),
    "ferry": (
        "The morning ferry was late on {some} days in {month}, mostly because of fog and twice because of a swan.",
        "{person} has steered it for {some} years and still reads the current by the line of foam at the third pile.",
        "A ticket costs as much as {few} bread rolls, and children who can show a {thing} travel free on {day}.",
        "With its new engine the boat needs {some} litres less a crossing, and is heard from {street} no more.",
        "The old bell was kept, since the gulls know it and leave the landing stage when it rings.",
        "Last {month} the ferry carried {many} bicycles, {some} prams and a piano that was never collected.",
        "When the water is low, passengers are asked to stand on the left for the first {few} minutes.",
        "A plan to replace the ferry by a cable car was turned down by {many} votes after a long {day} evening.",
        "Whoever leaves something on board finds it on the shelf at {street}, where last year's {thing} still lies.",
    ),
    "school": (
        "Pupils of the school on {street} built a weather station that sends a reading every {few} minutes.",
        "{person}, who teaches physics, had asked for {some} sensors and was given {few} and a box of old telephones.",
        "The first mast was blown down on a {day}; the second is held by {few} ropes and stands to this day.",
        "Their forecasts for the next morning were right on {some} days of the last hundred, better than the radio.",
        "One of the girls noticed that the wind turns {some} minutes before rain, and was asked to speak about it.",
        "The data fill {many} pages, and a copy is kept in the town hall beside the records of the harbour master.",
        "For next {month} a rain gauge is planned that is made of a {thing} and the pump of a washing machine.",
        "A company offered to buy the whole set, but the class voted to keep it and to give the figures away.",
        "Twice the station reported snow in summer, until it was found that a wagtail had nested in the funnel.",
    ),
    "market": (
        "The weekly market on {street} had {some} stalls in {month}, {few} more than in the year before.",
        "{person} sells cheese there from a cart that has to be pushed up the hill by {few} people.",
        "Since plastic bags were banned, {many} baskets of willow were woven by a workshop in the next valley.",
        "On {day} the last hour belongs to those who have little: then everything costs half, and nobody asks.",
        "A man with a {thing} has played the same {few} tunes for {some} years and is known to take requests badly.",
        "The inspectors weighed {some} loaves and found all of them heavier than was written on the sign.",
        "When the storm came, the canvas of {few} stalls was found in the trees along {street}.",
        "Apples from the north slope ripened in {month}, two weeks early, and were sold out before ten.",
        "A complaint about the noise of the fish seller was withdrawn after he had sung at a wedding.",
    ),
    "observatory": (
        "The small observatory above {street} opens its dome on clear nights, which were {some} in the last quarter.",
        "{person} ground its mirror by hand within {some} months, and spoiled the first one on a {day} in {month}.",
        "Street lamps near the hill were given shades for {many} coins each, and {few} more stars can be seen since.",
        "A visitor of {few} years found a comet that was known already, and was allowed to name a cloud instead.",
        "The drive of the telescope was once the motor of a {thing}; it follows the sky for {some} minutes.",
        "In winter the lens is warmed by a coil, since breath freezes on it within {few} minutes.",
        "The guest book has {many} entries, the shortest of which says only that it was cold and worth it.",
        "During the eclipse in {month} {many} people stood on the meadow, and even the dogs were quiet.",
        "A second instrument will watch the sun through a filter that lets one part in {many} thousand pass.",
    ),
}

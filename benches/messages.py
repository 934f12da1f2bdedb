#!/usr/bin/env python3
"""The JSON messages of the works with permessage-deflate: the same for everybody, on every machine."""

import json
import random
import sys
from pathlib import Path

COUNT = 256

# How a note begins that fills a message up.
PADDING = ',"note":"'
END = '"}'

GIVEN = "Amina Boris Chiara Dawit Elif Farid Greta Hiro Ines Jakub Kaya Lars Mbali Nuno Olga Pavel Rosa Samir Tove"
FAMILY = "Abreu Berg Castellano Dube Eriksen Fischer Grant Haddad Ito Jansen Kowalski Lindqvist Moreau Novak Okafor"
CITIES = "Accra Bergen Cork Dresden Evora Faro Ghent Haifa Izmir Jena Kyoto Leeds Malmo Nantes Oulu Porto Quito Riga"
THINGS = "bench bowl cabinet chair clock cup desk drawer frame hook jar lamp mirror plate rack shelf stool table tray"
KINDS = "ash birch brass cork glass iron larch linen maple oak pine steel stone walnut wicker wool"
STATES = "received paid packed shipped delivered returned"
WORDS = (
    "a about after again all also and any ask at back because before both but by call can care come day deliver door "
    "each early evening fine first for from gate give good half hand have here house if in it just keep key last late "
    "leave left let like little long look make may more morning much name near neighbour new next no not now of off "
    "old on one only open or other out over paper parcel part place please put quite right ring road room same see "
    "side so some soon still street take than that the their then there thing this time to today tomorrow two under "
    "until up upon use very wait want was way we week well what when where which while will with work would yard"
)


class Dice:
    """`random()` alone is promised to give the same figures with every version of Python."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def below(self, limit):
        return int(self.random() * limit)

    def one_of(self, words):
        words = words.split()
        return words[self.below(len(words))]

    def text(self, words):
        return " ".join(self.one_of(WORDS) for _ in range(words))


def item(dice):
    return {
        "sku": f"{dice.one_of('AK BL CX DN EV')}-{dice.below(90000) + 10000}",
        "title": f"{dice.one_of(KINDS)} {dice.one_of(THINGS)}",
        "quantity": dice.below(4) + 1,
        "price": (dice.below(20000) + 100) / 100,
    }


def record(dice):
    given, family = dice.one_of(GIVEN), dice.one_of(FAMILY)
    order = {
        "id": f"{dice.below(1 << 48):012x}",
        "state": dice.one_of(STATES),
        "changed": f"2026-{dice.below(12) + 1:02}-{dice.below(28) + 1:02}T{dice.below(24):02}:{dice.below(60):02}:"
        f"{dice.below(60):02}.{dice.below(1000):03}Z",
        "customer": {
            "number": dice.below(1000000),
            "name": f"{given} {family}",
            "mail": f"{given}.{family}@example.org".lower(),
            "city": dice.one_of(CITIES),
        },
        "items": [item(dice) for _ in range(dice.below(3) + 1)],
        "gift": dice.below(8) == 0,
    }
    if dice.below(2) == 0:
        order["note"] = dice.text(dice.below(12) + 4)
    return order


def message(dice, number, size):
    """Orders of a shop, as many as fit, and a note that brings the message to its size."""
    text = f'{{"type":"orders","number":{1000000 + number},"orders":['
    separator = ""
    while True:
        order = separator + json.dumps(record(dice), separators=(",", ":"))
        if len(text) + len(order) + len("]" + PADDING + END) > size:
            break
        text += order
        separator = ","
    text += "]" + PADDING
    room = size - len(text) - len(END)
    return text + dice.text(room)[:room] + END


def messages(size):
    dice = Dice(size)
    return [message(dice, number, size) for number in range(COUNT)]


def write(path, size):
    """One message a line."""
    path.write_text("".join(text + "\n" for text in messages(size)), encoding="ascii")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: messages.py SIZE FILE")
    write(Path(sys.argv[2]), int(sys.argv[1]))

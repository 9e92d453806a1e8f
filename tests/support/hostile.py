"""Documents that are short to send and would be long to answer."""

from itertools import chain, pairwise


def fragment_bomb(
    links: int, each: str = "...{0} ...{0}", last: str = "__typename", on: str = "Query"
) -> str:
    """A query and fragments of which each spreads the next, as `each` says; `last` is in the last."""
    names = [f"F{number}" for number in range(links + 1)]
    inner = (f"fragment {name} on {on} {{ {each.format(after)} }}" for name, after in pairwise(names))
    return " ".join(chain(["{ ...F0 }"], inner, [f"fragment {names[-1]} on {on} {{ {last} }}"]))


def price_bomb(names: str, levels: int) -> str:
    """A query of so many levels of lists, each as long as any variable says: as many products as paths."""
    each = " ".join(f"{name}: sessions(first: ${name}) {{{{ ...{{0}} }}}}" for name in names)
    declared = " ".join(f"${name}: Int" for name in names)
    bomb = fragment_bomb(levels, each, "id", on="User")
    return bomb.replace("{ ...F0 }", f"query ({declared}) {{ me {{ ...F0 }} }}", 1)


def aliased(count: int, selection: str) -> str:
    """The same selection under so many names."""
    return " ".join(f"a{number}: {selection}" for number in range(count))


def nested(opening: str, middle: str, closing: str, depth: int) -> str:
    """Something within itself, so deep."""
    return opening * depth + middle + closing * depth

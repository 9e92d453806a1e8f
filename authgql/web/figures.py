"""What is counted of a document adds up, selection by selection."""

from collections import Counter
from dataclasses import dataclass, field

from authgql.web.cost import Cost


@dataclass(slots=True)
class Figures:
    """What is in a selection set, with the fragments that it spreads."""

    depth: int = 0
    introspection_depth: int = 0  # lists within lists: they multiply, while `ofType` only goes on
    fields: int = 0  # at this level
    aliases: int = 0
    directives: int = 0
    once: Counter[str] = field(default_factory=Counter)  # uses of the fields that run once per request
    cost: Cost = field(default_factory=Cost)

    def add(self, other: "Figures") -> None:
        """Add what stands beside it."""
        self.depth = max(self.depth, other.depth)
        self.introspection_depth = max(self.introspection_depth, other.introspection_depth)
        self.fields += other.fields
        self.aliases += other.aliases
        self.directives += other.directives
        self.once.update(other.once)
        self.cost.add(other.cost)

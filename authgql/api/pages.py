"""Lists come a page at a time, as Relay's cursor connections."""

from typing import Annotated, Any, Self, TypeAlias

import strawberry
from strawberry.federation.schema_directives import Shareable

from authgql.core.cursors import Page

FIRST = 20

First: TypeAlias = Annotated[
    int | None, strawberry.argument(description="How many, from 1 to 100; 20 unless you say.")
]
After: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="`endCursor` of the page before; leave it out for the newest."),
]


@strawberry.type(
    directives=[Shareable()], description="Where a page stands in its list (Relay's cursor connections)."
)
class PageInfo:
    """A page's place."""

    has_next_page: bool = strawberry.field(description="Whether older entries follow.")
    has_previous_page: bool = strawberry.field(description="Whether newer entries came before.")
    page: strawberry.Private[Page[Any]]

    @strawberry.field(description="Cursor of this page's first entry.")
    def start_cursor(self) -> str | None:
        """Write it, if asked."""
        return self.page.start

    @strawberry.field(description="Cursor of its last entry: the next page's `after`.")
    def end_cursor(self) -> str | None:
        """Write it, if asked."""
        return self.page.end

    @classmethod
    def of(cls, page: Page[Any]) -> Self:
        """Describe a page."""
        return cls(has_next_page=page.has_next, has_previous_page=page.has_previous, page=page)

"""What a document may hold at most, and the errors that say what it holds too much of."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from graphql import (
    GraphQLError,
    GraphQLSyntaxError,
    Lexer,
    Node,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    Source,
    Token,
    TokenKind,
)
from graphql.validation import ValidationContext

from authgql.web.figures import Figures

MAX_TOKENS: Final = 1_000  # comments are tokens, too
MAX_NESTING: Final = 32
MAX_DEPTH: Final = 10
MAX_INTROSPECTION_DEPTH: Final = 3
MAX_ROOT_FIELDS: Final = 20
MAX_ALIASES: Final = 30
MAX_DIRECTIVES: Final = 50
MAX_COST: Final = 5_000
MAX_TERMS: Final = 32
MAX_COMPARISONS: Final = 3_000
OPENING: Final = frozenset({TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L})
CLOSING: Final = frozenset({TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R})
CEILING: Final = 1_000_000_000  # what fragments multiply soon has more digits than JSON's numbers may


class TooComplex(Exception):  # noqa: N818 -- says what a document is
    """A document, or an operation of it, holds more than it may; `errors` say of what."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__(*errors)
        self.errors = errors


def check_size(query: str) -> int:
    """Return a document's number of tokens, or raise `TooComplex`; the parser tells of what is no token."""
    tokens = depth = deepest = 0
    with suppress(GraphQLSyntaxError):
        for token in _tokens(query):
            tokens += 1
            if tokens > MAX_TOKENS:
                raise TooComplex(_error("tokens", "The document has {} tokens or more", tokens, MAX_TOKENS))
            depth += (token.kind in OPENING) - (token.kind in CLOSING)
            deepest = max(deepest, depth)
    if deepest > MAX_NESTING:
        raise TooComplex(_error("nesting", "The document nests {} brackets", deepest, MAX_NESTING))
    return tokens


def check_terms(terms: int) -> None:
    """Raise `TooComplex` if a cost has too many terms, each a product of variables, to go on counting."""
    if terms > MAX_TERMS:
        says = "The document's cost has {} products of variables or more"
        raise TooComplex(_error("terms", says, terms, MAX_TERMS))


def check(operation: OperationDefinitionNode, figures: Figures) -> None:
    """Raise `TooComplex` if an operation holds too much, whatever its variables."""
    measures = [
        ("depth", "The operation is {} fields deep", figures.depth, MAX_DEPTH),
        (
            "introspectionDepth",
            "The operation introspects lists within lists, {} deep",
            figures.introspection_depth,
            MAX_INTROSPECTION_DEPTH,
        ),
        ("rootFields", "The operation has {} root fields", figures.fields, MAX_ROOT_FIELDS),
        ("aliases", "The operation has {} aliases", figures.aliases, MAX_ALIASES),
        ("directives", "The operation has {} directives", figures.directives, MAX_DIRECTIVES),
        ("cost", "The operation costs {}", figures.cost.least, MAX_COST),
    ]
    measures += [
        (name, f"The operation runs `{name}` {{}} times", count, 1) for name, count in figures.once.items()
    ]
    errors = [
        _error(measure, says, figure, limit, operation)
        for measure, says, figure, limit in measures
        if figure > limit
    ]
    if errors:
        raise TooComplex(*errors)


def check_cost(operation: OperationDefinitionNode, cost: int) -> None:
    """Raise `TooComplex` if what an operation costs with its variables is too much."""
    if cost > MAX_COST:
        raise TooComplex(
            _error("cost", "With these variables the operation costs {}", cost, MAX_COST, operation)
        )


class OverlappingFields(OverlappingFieldsCanBeMergedRule):
    """The library's rule, within bounds.

    It compares every two fields of one name in one place, and what is below them. Its own budget lets 2 kB
    of repeated fields cost half a second.
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = MAX_COMPARISONS

    def enter_selection_set(self, *args: Any) -> None:  # noqa: ANN401 -- the library's signature
        """Compare the fields of a selection set; raise `TooComplex` when that takes too long."""
        try:
            super().enter_selection_set(*args)
        except GraphQLError:
            if self.rule_context.remaining_complexity_budget >= 0:
                raise  # enough errors of the other kind
            says = "Merging the document's overlapping fields takes {} comparisons or more"
            raise TooComplex(_error("comparisons", says, MAX_COMPARISONS + 1, MAX_COMPARISONS)) from None


def _tokens(query: str) -> Iterator[Token]:
    lexer = Lexer(Source(query))
    token = lexer.token
    while (token := lexer.read_next_token(token.end)).kind is not TokenKind.EOF:
        yield token


def _error(measure: str, says: str, figure: int, limit: int, node: Node | None = None) -> GraphQLError:
    figure = min(figure, CEILING)
    extensions = {"measure": measure, "figure": figure, "limit": limit}
    return GraphQLError(f"{says.format(figure)}; the limit is {limit}.", node, extensions=extensions)

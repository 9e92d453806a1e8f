"""A document is parsed and validated once; what is wrong with it is known from then on."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationType,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

MAX_TOKENS: Final = 2_000
MAX_ERRORS: Final = 10
CACHED_DOCUMENTS: Final = 1_000
CACHED_CHARACTERS: Final = 8_000_000


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A document ready to run, or the errors that keep it from running with their code."""

    document: DocumentNode | None
    errors: Sequence[GraphQLError] = ()
    code: str = ""


class Documents:
    """Prepares documents and remembers those used last."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = schema
        self.hide_suggestions = not introspection  # they would spell out the schema name by name
        self._rules = (
            specified_rules if introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
        )
        self._known: OrderedDict[str, Prepared] = OrderedDict()
        self._characters = 0

    def prepare(self, query: str) -> Prepared:
        """Parse and validate, or remember having done so."""
        prepared = self._known.get(query)
        if prepared is not None:
            self._known.move_to_end(query)
            return prepared
        prepared = self._prepare(query)
        if prepared.document is not None:
            self._remember(query, prepared)
        return prepared

    def _prepare(self, query: str) -> Prepared:
        try:
            document = parse(query, max_tokens=MAX_TOKENS)
        except GraphQLSyntaxError as error:
            return Prepared(document=None, errors=[error], code="GRAPHQL_PARSE_FAILED")
        errors = validate(
            self._schema,
            document,
            self._rules,
            max_errors=MAX_ERRORS,
            hide_suggestions=self.hide_suggestions,
        )
        if errors:
            return Prepared(document=None, errors=errors, code="GRAPHQL_VALIDATION_FAILED")
        return Prepared(document=document)

    def _remember(self, query: str, prepared: Prepared) -> None:
        self._known[query] = prepared
        self._characters += len(query)
        while len(self._known) > CACHED_DOCUMENTS or self._characters > CACHED_CHARACTERS:
            oldest, _ = self._known.popitem(last=False)
            self._characters -= len(oldest)


def selected_operation(document: DocumentNode, name: str | None) -> OperationType | None:
    """Return the kind of the operation that is to run, or None if the name selects none."""
    operation = get_operation_ast(document, name)
    return operation.operation if operation else None

"""A document is parsed, validated and limited once; what is wrong with it is known from then on.

What could take long comes after what keeps it short: the size of the text, then the figures of its
operations, then the rules of GraphQL.
"""

import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
    value_from_ast_untyped,
)

from authgql.core.secrets import hex_digest
from authgql.web.bounds import OverlappingFields, TooComplex, check, check_cost, check_size
from authgql.web.complexity import Complexity
from authgql.web.cost import Cost
from authgql.web.drafts import Draft
from authgql.web.figures import Figures
from authgql.web.plans import Plan
from authgql.web.writers import Writers

MAX_ERRORS: Final = 10
CACHED_DOCUMENTS: Final = 1_000
CACHED_BYTES: Final = 32 * 1024 * 1024
DOCUMENT_BYTES: Final = 2_000
TOKEN_BYTES: Final = 550  # what a token takes at most with its nodes, as a test measures it
PLANNED_BYTES: Final = 1_000  # what a field of a plan takes at most, as the same test measures it
MAX_PLANNED: Final = 1_000  # fields in a document's plans
RULES: Final = tuple(
    OverlappingFields if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules
)
TOO_COMPLEX: Final = "OPERATION_TOO_COMPLEX"


@dataclass(frozen=True, kw_only=True)
class Priced:
    """An operation whose cost its variables decide, and their defaults."""

    cost: Cost
    defaults: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A document ready to run, or the errors that keep it from running with their code."""

    document: DocumentNode | None
    errors: Sequence[GraphQLError] = ()
    code: str = ""
    priced: Mapping[str | None, Priced] = field(default_factory=dict)
    plans: Mapping[str | None, Plan] = field(default_factory=dict)
    weight: int = 0  # bytes of memory, about

    def plan(self, operation_name: str | None) -> Plan | None:
        """Return the plan of the operation that a name, or none where there is but one, selects."""
        if operation_name is None:
            return next(iter(self.plans.values()), None)
        return self.plans.get(operation_name)


NOT_SUPPORTED: Final = Prepared(  # the sentence that Apollo's clients know, and then send the whole document
    document=None,
    errors=[GraphQLError("PersistedQueryNotSupported")],
    code="PERSISTED_QUERY_NOT_SUPPORTED",
)
NOT_IN_LIST: Final = Prepared(
    document=None,
    errors=[
        GraphQLError(
            "This server runs the documents of its operator's list alone: send the id of one of them."
        )
    ],
    code="PERSISTED_QUERY_NOT_IN_LIST",
)


class Untrustworthy(Exception):  # noqa: N818 -- says of the list what is wrong with it
    """A trusted document cannot run here; the message is one line that says which, and why."""


class Documents:
    """Prepares documents and remembers those used last."""

    def __init__(
        self, schema: GraphQLSchema, *, introspection: bool, trusted: Mapping[str, str] | None = None
    ) -> None:
        """Prepare the trusted documents (texts by id), and then run no others; raises `Untrustworthy`."""
        self._schema = schema
        self.hide_suggestions = not introspection  # they would spell out the schema name by name
        self._rules = RULES if introspection else (*RULES, NoSchemaIntrospectionCustomRule)
        self._writers = Writers(schema)
        self._known: OrderedDict[str, Prepared] = OrderedDict()
        self._weight = 0
        self._trusted = None if trusted is None else self._prepare_trusted(trusted)

    def prepare(
        self,
        query: str | None,
        *,
        document_id: str | None = None,
        operation_name: str | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> Prepared:
        """Return a document, known by its text or else by its id, if it may run with these variables."""
        prepared = self._find(query, document_id)
        if not prepared.document or not prepared.priced:
            return prepared
        operation = get_operation_ast(prepared.document, operation_name)
        if operation is None or (priced := prepared.priced.get(_name(operation))) is None:
            return prepared
        try:
            check_cost(operation, priced.cost.of({**priced.defaults, **(variables or {})}))
        except TooComplex as error:
            return Prepared(document=None, errors=error.errors, code=TOO_COMPLEX)
        return prepared

    def _find(self, query: str | None, document_id: str | None) -> Prepared:
        if self._trusted is not None:
            key = hex_digest(query, "sha256") if query is not None else document_id or ""
            return self._trusted.get(key.removeprefix("sha256:"), NOT_IN_LIST)
        if query is None:
            return NOT_SUPPORTED
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
            tokens = check_size(query)
            document = parse(query)
            counted = self._count(document)
            errors = validate(
                self._schema,
                document,
                self._rules,
                max_errors=MAX_ERRORS,
                hide_suggestions=self.hide_suggestions,
            )
        except GraphQLSyntaxError as error:
            return Prepared(document=None, errors=[error], code="GRAPHQL_PARSE_FAILED")
        except TooComplex as error:
            return Prepared(document=None, errors=error.errors, code=TOO_COMPLEX)
        if errors:
            return Prepared(document=None, errors=errors, code="GRAPHQL_VALIDATION_FAILED")
        priced = {
            _name(operation): Priced(cost=figures.cost, defaults=_defaults(operation))
            for operation, figures in counted
            if figures.cost.scaled
        }
        plans = self._plan(document, [operation for operation, figures in counted if not figures.directives])
        weight = DOCUMENT_BYTES + 2 * sys.getsizeof(query) + TOKEN_BYTES * tokens
        weight += PLANNED_BYTES * sum(plan.known.size for plan in plans.values())
        return Prepared(document=document, priced=priced, plans=plans, weight=weight)

    def _count(self, document: DocumentNode) -> list[tuple[OperationDefinitionNode, Figures]]:
        """Return what is in each operation; raise `TooComplex` for one that holds too much."""
        complexity, counted = Complexity(self._schema, document), []
        for operation in document.definitions:
            if isinstance(operation, OperationDefinitionNode):
                figures = complexity.of(operation)
                check(operation, figures)
                counted.append((operation, figures))
        return counted

    def _plan(
        self, document: DocumentNode, operations: Sequence[OperationDefinitionNode]
    ) -> dict[str | None, Plan]:
        """Return the plans of operations, as many as there is room for."""
        plans: dict[str | None, Plan] = {}
        room = MAX_PLANNED
        for operation in operations:
            if operation.operation is not OperationType.SUBSCRIPTION:
                draft = Draft(self._schema, document, operation, writers=self._writers, most=room)
                if plan := draft.plan(hide_suggestions=self.hide_suggestions):
                    plans[_name(operation)] = plan
                    room -= plan.known.size
        return plans

    def _prepare_trusted(self, texts: Mapping[str, str]) -> dict[str, Prepared]:
        trusted = {}
        for name, text in texts.items():
            prepared = self._prepare(text)
            if prepared.document is None:
                raise Untrustworthy(f"document {name}: {prepared.errors[0].message}")
            trusted[name.removeprefix("sha256:")] = trusted[hex_digest(text, "sha256")] = prepared
        return trusted

    def _remember(self, query: str, prepared: Prepared) -> None:
        self._known[query] = prepared
        self._weight += prepared.weight
        while len(self._known) > CACHED_DOCUMENTS or self._weight > CACHED_BYTES:
            _, oldest = self._known.popitem(last=False)
            self._weight -= oldest.weight


def selected_operation(document: DocumentNode, name: str | None) -> OperationType | None:
    """Return the kind of the operation that is to run, or None if the name selects none."""
    operation = get_operation_ast(document, name)
    return operation.operation if operation else None


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value
    }

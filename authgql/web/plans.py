"""An operation is bound to the schema once: each request then runs what is left, the resolvers.

graphql-core collects fields, looks up their definitions and walks every value for each request anew. Here all
of that which depends on the document alone is done when it is first seen, and a value with nothing below it
but plain values is written in one go. The rest is graphql-core's executor, field by field where the
difference is.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    OperationType,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    GroupedFieldSet,
)
from graphql.execution.executor import CollectedErrors, Executor
from graphql.execution.values import VariableValues, get_variable_values

from authgql.web.writers import Answer, Member, Write

MAX_COERCION_ERRORS: Final = 50  # graphql-core's own default
NOTHING_GIVEN: Final = VariableValues({}, {})


class Told(NamedTuple):
    """A field of a query that is answered at once; `about` begins what its resolver is told."""

    name: str
    about: tuple[Any, ...]
    answer: Answer
    write: Write


@dataclass(kw_only=True, slots=True)
class Known:
    """What is known of an operation's fields; the ids are those of their nodes, which live as long."""

    fields: GroupedFieldSet = field(default_factory=dict)
    size: int = 0
    places: dict[tuple[GraphQLObjectType, int], CollectedFields] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)  # those for which nobody has to be asked
    values: dict[int, tuple[GraphQLOutputType, Write]] = field(default_factory=dict)  # of the others
    told: list[Told] = field(default_factory=list)  # of the root


class Plan(Executor[None]):
    """graphql-core's executor of one operation, with all that does not depend on the request."""

    known: Known
    root: GraphQLObjectType

    async def run(self, context: object, variables: dict[str, Any] | None) -> ExecutionResult:
        """Execute the operation for one request."""
        values = self.variable_values
        if self.operation.variable_definitions:
            given = get_variable_values(
                self.schema,
                self.operation.variable_definitions,
                variables or {},
                max_errors=MAX_COERCION_ERRORS,
                hide_suggestions=self.hide_suggestions,
            )
            if isinstance(given, list):
                return ExecutionResult(None, given)
            values = given
        if len(self.known.told) == len(self.known.fields):
            with suppress(Exception):  # raised again, and told, by graphql-core; none of them has an effect
                return ExecutionResult(self._tell(context, values), None)
        request = Plan.__new__(Plan)
        request.__dict__ = {
            **self.__dict__,
            "context_value": context,
            "variable_values": values,
            "collected_errors": CollectedErrors(),
            "_relevant_sub_fields": {},
        }
        return await request.answer()

    def _tell(self, context: object, values: VariableValues) -> dict[str, Any]:
        data = {}
        for name, about, answer, write in self.known.told:
            rest = (values, context, self.is_awaitable, self.abort_signal, self.async_helpers)
            data[name] = write(answer(GraphQLResolveInfo._make(about + rest)))
        return data

    async def answer(self) -> ExecutionResult:
        """Execute the operation, as `execute_operation` does."""
        serially = self.operation.operation is OperationType.MUTATION
        try:
            data = self.execute_root_grouped_field_set(self.root, None, self.known.fields, serially, None)
            if not isinstance(data, dict):
                data = await data
        except GraphQLError as error:
            self.collected_errors.add(error, None)
            data = None
        return ExecutionResult(data, self.collected_errors.errors or None)

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList
    ) -> CollectedFields:
        """Return what is selected of a type in a field."""
        known = self.known.places.get((return_type, id(field_details_list)))
        return known or super().collect_subfields(return_type, field_details_list)

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,  # noqa: ANN401 -- graphql-core's signature
        field_details_list: FieldDetailsList,
        path: Any,  # noqa: ANN401 -- the same
        position_context: None,
    ) -> Any:  # noqa: ANN401 -- the same
        """Return a field's value, or what will be it."""
        member = self.known.members.get(id(field_details_list))
        if member:
            with suppress(Exception):  # raised again, and told, by graphql-core
                return member.write(member.read(source))
        return super().execute_field(parent_type, source, field_details_list, path, position_context)

    def complete_value(  # noqa: PLR0917 -- graphql-core's signature
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: Any,  # noqa: ANN401 -- as above
        path: Any,  # noqa: ANN401 -- as above
        result: Any,  # noqa: ANN401 -- as above
        position_context: None,
    ) -> Any:  # noqa: ANN401 -- as above
        """Return what a resolver's answer, or a part of it, is written as."""
        known = self.known.values.get(id(field_details_list))
        if known and known[0] is return_type:  # no part of it
            with suppress(Exception):  # as above
                return known[1](result)
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)

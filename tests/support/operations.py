"""Every operation of the schema that takes arguments, as a document that takes them as variables."""

from collections.abc import Iterator

from graphql import GraphQLField, GraphQLInputType, get_named_type, is_composite_type

from authgql.web.schema import build_schema

SCHEMA = build_schema()._schema  # noqa: SLF001 -- as in app.py


def document_for(operation: str, name: str, field: GraphQLField) -> str:
    """Write an operation that takes all of a field's arguments as variables."""
    declared = ", ".join(f"${name}: {argument.type}" for name, argument in field.args.items())
    passed = ", ".join(f"{name}: ${name}" for name in field.args)
    selection = "{ __typename }" if is_composite_type(get_named_type(field.type)) else ""
    return f"{operation} ({declared}) {{ {name}({passed}) {selection} }}"


def operations() -> Iterator[tuple[str, dict[str, GraphQLInputType]]]:
    assert SCHEMA.query_type
    assert SCHEMA.mutation_type
    for operation, type_ in (("query", SCHEMA.query_type), ("mutation", SCHEMA.mutation_type)):
        for name, field in type_.fields.items():
            if field.args:
                arguments = {argument: given.type for argument, given in field.args.items()}
                yield document_for(operation, name, field), arguments

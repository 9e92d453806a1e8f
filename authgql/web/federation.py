"""What this subgraph tells a composer: its schema, printed once, with the directives that were asked for."""

from typing import Any, Final

from graphql import (
    ArgumentNode,
    DirectiveNode,
    FieldDefinitionNode,
    GraphQLObjectType,
    GraphQLSchema,
    ListValueNode,
    NameNode,
    Node,
    ObjectTypeDefinitionNode,
    StringValueNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from authgql.gate.guards import OwnerOnly, SignedIn

GUARDS: Final = (SignedIn, OwnerOnly)
AUTHENTICATED: Final = "authenticated"


def with_auth_directives(sdl: str, schema: GraphQLSchema) -> str:
    """Mark every field that needs a caller with `@authenticated` (Federation 2.5)."""
    return print_ast(visit(parse(sdl), _Marking(schema))) + "\n"


def guarded_fields(schema: GraphQLSchema) -> set[tuple[str, str]]:
    """Return type and name of every field that somebody must be signed in for."""
    return {
        (type_.name, name)
        for type_ in schema.type_map.values()
        if isinstance(type_, GraphQLObjectType)
        for name, field in type_.fields.items()
        if _is_guarded(field.extensions.get("strawberry-definition"))
    }


def _is_guarded(definition: Any) -> bool:  # noqa: ANN401 -- Strawberry's field, or None
    return any(isinstance(extension, GUARDS) for extension in getattr(definition, "extensions", ()))


class _Marking(Visitor):
    def __init__(self, schema: GraphQLSchema) -> None:
        super().__init__()
        self._guarded = guarded_fields(schema)
        self._type = ""

    def enter_object_type_definition(self, node: ObjectTypeDefinitionNode, *_: object) -> None:
        self._type = node.name.value

    def leave_field_definition(self, node: FieldDefinitionNode, *_: object) -> Node | None:
        if (self._type, node.name.value) not in self._guarded:
            return None
        mark = DirectiveNode(name=NameNode(value=AUTHENTICATED))
        return FieldDefinitionNode(**_members(node) | {"directives": (*(node.directives or ()), mark)})

    def leave_argument(self, node: ArgumentNode, *_: object) -> Node | None:
        if node.name.value != "import" or not isinstance(node.value, ListValueNode):
            return None
        names = (*node.value.values, StringValueNode(value=f"@{AUTHENTICATED}"))
        return ArgumentNode(name=node.name, value=ListValueNode(values=names))


def _members(node: Node) -> dict[str, Any]:
    return {key: getattr(node, key) for key in node.keys}

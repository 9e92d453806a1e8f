"""The operations that most tests begin with."""

REFUSAL = "... on Refusal { message code }"

REGISTER = """
mutation Register($input: RegisterInput!) {
  register(input: $input) {
    __typename
    ... on RegisterSuccess {
      user { id username firstName lastName email emailVerified pendingEmail createdAt }
    }
    ... on Refusal { message code }
    ... on InvalidInput { fields { path message } }
    ... on WeakPassword { suggestions }
    ... on RateLimited { retryAfter }
  }
}
"""
LOGIN = """
mutation Login($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on LoginSuccess {
      user { id username email }
      session { id status current ipAddress device { name kind browser os userAgent } expiresAt }
      tokens { accessToken tokenType expiresIn refreshToken refreshExpiresAt }
    }
    ... on Refusal { message code }
    ... on InvalidInput { fields { path message } }
    ... on RateLimited { retryAfter }
  }
}
"""
REFRESH = """
mutation Refresh($input: RefreshInput) {
  refresh(input: $input) {
    __typename
    ... on RefreshSuccess {
      session { id current token { id refreshedCount } }
      tokens { accessToken tokenType expiresIn refreshToken refreshExpiresAt }
    }
    ... on Refusal { message code }
    ... on RateLimited { retryAfter }
  }
}
"""
LOGOUT = """
mutation {
  logout { __typename ... on LogoutSuccess { session { id status endReason loggedOutAt } } }
}
"""
ME = "{ me { id username firstName lastName email emailVerified pendingEmail } }"
SESSIONS = """
query Sessions($status: SessionStatus = ACTIVE, $first: Int = 20, $after: String) {
  sessions(status: $status, first: $first, after: $after) {
    nodes {
      id status current ipAddress loggedInAt lastSeenAt expiresAt loggedOutAt endReason
      location { city country }
      device { name kind browser os userAgent }
      token { id issuedAt expiresAt refreshedCount senderConstrained }
    }
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
TERMINATE = """
mutation Terminate($id: ID!) {
  terminateSession(id: $id) {
    __typename
    ... on SessionTerminated { session { id status endReason loggedOutAt } }
    ... on Refusal { message code }
  }
}
"""
TERMINATE_OTHERS = """
mutation {
  terminateOtherSessions {
    __typename
    ... on SessionsTerminated { count sessions { id status endReason } }
  }
}
"""
TERMINATE_ALL = TERMINATE_OTHERS.replace("terminateOther", "terminateAll")

from support.app import Application
from support.documents import ME


async def test_smoke(app: Application) -> None:
    ada = await app.signed_up()
    with app.counting() as statements:
        assert (await app.gql(ME, token=ada.access)).only["username"] == "ada"
    assert len(statements) == 1
    await app.mail.token_for("ada@example.com")
    print(await app.events())
    print(await app.rows("SELECT username FROM accounts WHERE id=$1", ada.user_id))

"""A story of the whole-document test: a test event whose data is the caller's own."""


def of_own_data(walk, ground):
    """It is shown as it was given, with the members of the server; an event that is too large is refused."""
    endpoint = ground.endpoint()
    given = {"order": {"id": 7, "total": 1.5}, "actor": {"name": "Forged"}, "test": False}
    delivery = ground.made("sendTestEvent", {"endpoint_id": endpoint["id"]}, data=given)
    payload = ground.settled(delivery["id"])["payload"]
    assert payload["data"] | {"actor": None, "group": None} == given | {"actor": None, "group": None, "test": True}
    assert payload["data"]["actor"]["id"] == ground.tenant.key["id"]
    large = ground.request("sendTestEvent", endpoint_id=endpoint["id"]).with_members(data={"a": "a" * 256 * 1024})
    [detail] = walk.ask(ground.api, large).json()["error"]["details"]
    assert (detail["field"], detail["code"]) == ("data", "too_long")

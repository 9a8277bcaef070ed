"""What was there at a moment is shown again, also of what is gone; and read models are mended without a stop."""

from pathlib import Path

from tests.acceptance.product import Product
from tests.acceptance.test_restart import a_domain_with_a_snapshot


def test_a_domain_that_is_gone_is_listed_with_its_tree_as_of_before(product: Product, tmp_path: Path) -> None:
    product.up("alpha")
    name = a_domain_with_a_snapshot(product, tmp_path)
    then = product.json("list")
    tree = product.items("snapshot-list", name)
    moment = product.log(name)[-1]["recorded_at"]

    product.ok("destroy", name)
    product.ok("undefine", name, "--snapshots-metadata")

    assert product.items("list", "--all") == []
    for as_of in (str(then["position"]), moment):
        assert product.items("list", "--as-of", as_of) == then["items"]
        assert product.items("snapshot-list", name, "--as-of", as_of) == tree
    assert product.json("list", "--as-of", str(then["position"]))["position"] == then["position"]
    product.refused(42, "snapshot-list", name)
    product.refused(8, "list", "--as-of", "999999999")
    product.refused(8, "list", "--as-of", "2999-01-01 00:00")

    product.ok("projections", "rebuild", "--all")
    assert product.items("list", "--as-of", moment) == then["items"]
    assert {item["state"] for item in product.items("projections", "list")} == {"caught up"}
    product.refused(55, "projections", "resume", "domains")

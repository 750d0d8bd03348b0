"""`cost prices refresh` against a server of our own that answers as AWS and Azure do."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import threading
import urllib.parse
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from cost_cases import BUNDLED

from wkms_migrate import retry
from wkms_migrate.cost import prices, renew
from wkms_migrate.cost.loading import read
from wkms_migrate.errors import TransientError, WkmsError

pytestmark = pytest.mark.integration

DAY = date(2026, 11, 22)
COLUMNS = (
    "SKU",
    "OfferTermCode",
    "RateCode",
    "TermType",
    "PriceDescription",
    "EffectiveDate",
    "StartingRange",
    "EndingRange",
    "Unit",
    "PricePerUnit",
    "Currency",
    "usageType",
    "operation",
    "LeaseContractLength",
    "PurchaseOption",
    "OfferingClass",
)
LISTS = """\
lists:
  - provider: AWS
    snapshot: aws
    region: ap-northeast-2
    select:
      - sku: a.small
        offer: AmazonEC2
        unit: Hrs
        where: { usageType: "APN2-BoxUsage:t3.small", operation: RunInstances }
      - { sku: a.put, offer: AmazonS3, unit: Requests, times: "1000", where: { usageType: APN2-Requests-Tier1 } }
  - provider: Azure
    snapshot: azure
    region: koreacentral
    select:
      - { sku: z.vm, unit: 1 Hour, where: { serviceName: Virtual Machines, armSkuName: Standard_D2s_v3 } }
      - { sku: z.egress, unit: 1 GB, where: { serviceName: Bandwidth, meterName: Standard Data Transfer Out } }
"""
SNAPSHOT = """\
provider: {provider}
region: {region}
currency: USD
sources:
  old: {{ title: Old page, date: 2024-01-01 }}
prices:
{rows}"""


def row(sku, usage, operation="RunInstances", price="0.026", **other):
    """Return a row of an AWS price file."""
    values = {
        "SKU": sku,
        "TermType": "OnDemand",
        "StartingRange": "0",
        "EndingRange": "Inf",
        "Unit": "Hrs",
        "PricePerUnit": price,
        "Currency": "USD",
        "usageType": usage,
        "operation": operation,
    }
    values |= other
    return [values.get(column, "") for column in COLUMNS]


def price_file(rows):
    """Return a price file as the bulk price list has it: five lines about it, the header, the rows."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(["FormatVersion", "v1.0"])
    writer.writerow(["Disclaimer", "This pricing list is for informational purposes only."])
    writer.writerow(["Publication Date", "2026-11-20T01:02:03Z"])
    writer.writerow(["Version", "20261120010203"])
    writer.writerow(["OfferCode", "AmazonEC2"])
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue().encode()


def item(meter, price, product="Dsv3 Series", sku="D2s v3", tier=0.0, **other):
    """Return a row of the Azure Retail Prices API."""
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": tier,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": "koreacentral",
        "meterId": f"{meter}-{product}-{sku}",
        "meterName": meter,
        "productName": product,
        "skuName": sku,
        "serviceName": "Virtual Machines",
        "unitOfMeasure": "1 Hour",
        "type": "Consumption",
        "armSkuName": "Standard_D2s_v3",
    } | other


MACHINES = [
    item("D2s v3", 0.123),
    item("D2s v3", 0.215, product="Dsv3 Series Windows"),
    item("D2s v3 Spot", 0.03, sku="D2s v3 Spot"),
    item("D2s v3 Low Priority", 0.05, sku="D2s v3 Low Priority"),
    item("D2s v3", 0.1, type="DevTestConsumption"),
    item("D2s v3", 1500.0, type="Reservation", reservationTerm="3 Years"),
    item("D2s v3", 0.096, armRegionName="eastus"),
]
EGRESS = [
    item("Standard Data Transfer Out", price, "Rtn Preference: MGN", "Standard", tier, serviceName="Bandwidth")
    | {"unitOfMeasure": "1 GB", "armSkuName": ""}
    for tier, price in ((0.0, 0.0), (100.0, 0.12), (10340.0, 0.085))
]


MACHINES_OF_AWS = [
    row("S1", "APN2-BoxUsage:t3.small"),
    row("S2", "APN2-BoxUsage:t3.small", "RunInstances:0002", "0.0444"),
    row("S1", "APN2-BoxUsage:t3.small", price="0.0163", TermType="Reserved"),
    row("S3", "BoxUsage:t3.small", price="0.0208"),
]


class Lists(ThreadingHTTPServer):
    """The providers: what they hold, what goes wrong next, and what they were asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = {
            "AmazonEC2": list(MACHINES_OF_AWS),
            "AmazonS3": [row("S4", "APN2-Requests-Tier1", "", "0.0000045", Unit="Requests")],
        }
        self.items = {"Virtual Machines": MACHINES, "Bandwidth": EGRESS}
        self.page_size = 2
        self.faults = []
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        fault = self.server.faults.pop(0) if self.server.faults else ""
        if fault in ("429", "404"):
            self.send_response(int(fault))
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body, kind = self.body(fault)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if fault in {"gzip", "cut-gzip"}:
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        if fault == "cut-gzip":
            body = body[:-12]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)

    def body(self, fault):
        parts = urllib.parse.urlsplit(self.path)
        if parts.path.startswith("/offers/"):
            rows = self.server.files[parts.path.split("/")[4]]
            if fault == "short-row":
                rows = [*rows[:-1], rows[-1][:4]]
            return (b"<html>moved</html>" if fault == "changed" else price_file(rows)), "text/csv"
        if fault == "changed":
            return json.dumps({"error": {"code": "BadRequest"}}).encode(), "application/json"
        return self.page(urllib.parse.parse_qs(parts.query)), "application/json"

    def page(self, query):
        """Return one page; its link names the provider's own host, as the real one does."""
        rows = next(rows for name, rows in self.server.items.items() if f"'{name}'" in query["$filter"][0])
        start = int(query.get("$skip", ["0"])[0])
        end = start + self.server.page_size
        link = None
        if end < len(rows):
            more = urllib.parse.urlencode({"$filter": query["$filter"][0], "$skip": end})
            link = f"https://prices.azure.com:443/api/retail/prices?{more}"
        found = {
            "BillingCurrency": "USD",
            "Items": rows[start:end],
            "NextPageLink": link,
            "Count": len(rows[start:end]),
        }
        return json.dumps(found).encode()

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(retry, "policy", quick_policy(retry.policy))
    lists = Lists()
    thread = threading.Thread(target=lists.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield lists
    lists.shutdown()
    lists.server_close()
    thread.join()


def quick_policy(policy):
    """Return the policy of retries without its waits."""

    def quick(*args, **kwargs):
        retrying = policy(*args, **kwargs)
        return retrying.copy(sleep=lambda _seconds: None)

    return quick


@pytest.fixture
def folder(tmp_path):
    """A folder of inputs with two price files and their selectors."""
    (tmp_path / "prices").mkdir()
    (tmp_path / "price-lists.yaml").write_text(LISTS, encoding="utf-8")
    for name, provider, region, skus in (
        ("aws", "AWS", "ap-northeast-2", ("a.small", "a.put", "a.other")),
        ("azure", "Azure", "koreacentral", ("z.vm", "z.egress")),
    ):
        rows = "".join(
            f'  - {{ sku: {sku}, service: S, unit: u, price: "9.99", status: list, source: old }}\n' for sku in skus
        )
        text = SNAPSHOT.format(provider=provider, region=region, rows=rows)
        (tmp_path / "prices" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def refreshed(folder, server, only=()):
    servers = renew.Servers(aws=server.url, azure=server.url)
    return renew.renew(folder, servers, DAY, only, lambda _: None)


def book(folder):
    return prices.load(sorted((folder / "prices").glob("*.yaml")))


def test_the_row_of_each_sku_becomes_its_price_with_source_and_day(folder, server):
    aws, azure = refreshed(folder, server)
    found = book(folder)
    assert found["a.small"].tiers[0].price.base == Decimal("0.026")
    assert found["a.put"].tiers[0].price.base == Decimal("0.0045")
    assert (found["a.small"].status, found["a.small"].source.date) == ("list", date(2026, 11, 20))
    assert found["a.other"].tiers[0].price.base == Decimal("9.99"), "what is not asked for stays"
    assert found["z.vm"].tiers[0].price.base == Decimal("0.123"), "no Windows, Spot, Low Priority, Dev/Test, US row"
    assert [(tier.above, tier.price.base) for tier in found["z.egress"].tiers] == [
        (0, 0),
        (100, Decimal("0.12")),
        (10340, Decimal("0.085")),
    ]
    assert found["z.vm"].source.date == DAY
    assert [change.sku for change in (*aws.changes, *azure.changes)] == ["a.put", "a.small", "z.egress", "z.vm"]
    assert (aws.problems, azure.problems) == ((), ())


def reserved(price, years=1, option="No Upfront", kind="standard", **other):
    terms = {"LeaseContractLength": f"{years}yr", "PurchaseOption": option, "OfferingClass": kind}
    return row("S1", "APN2-BoxUsage:t3.small", price=price, TermType="Reserved", **terms | other)


RESERVED = [
    reserved("0.0163"),
    reserved("0.0118", years=3),
    reserved("0.0188", kind="convertible"),
    reserved("0.0078", option="Partial Upfront"),
    reserved("68", option="Partial Upfront", Unit="Quantity"),
    reserved("134", option="All Upfront", Unit="Quantity"),
    reserved("0.0300", operation="RunInstances:0002"),
]
TERMS = [
    item("D2s v3", 640.0, type="Reservation", reservationTerm="1 Year"),
    item("D2s v3", 1230.0, type="Reservation", reservationTerm="3 Years"),
    item("D2s v3", 1100.0, type="Reservation", reservationTerm="1 Year", product="Dsv3 Series Windows"),
]


def with_terms(folder, server):
    """Ask for both terms of a machine on either side."""
    for name, sku in (("aws", "a.small"), ("azure", "z.vm")):
        rows = "".join(
            f'  - {{ sku: {sku}@{term}, service: S, unit: u, price: "9.99", status: list, source: old }}\n'
            for term in ("one-year", "three-year")
        )
        file = folder / "prices" / f"{name}.yaml"
        file.write_text(file.read_text(encoding="utf-8") + rows, encoding="utf-8")
    path = folder / "price-lists.yaml"
    lists = yaml.safe_load(path.read_text(encoding="utf-8"))
    for one in lists["lists"]:
        first = one["select"][0]
        one["select"] += [{**first, "sku": f"{first['sku']}@{term}"} for term in ("one-year", "three-year")]
    path.write_text(yaml.safe_dump(lists), encoding="utf-8")
    server.files["AmazonEC2"] += RESERVED
    server.items["Virtual Machines"] = [*MACHINES[:-2], *TERMS]


def test_a_term_is_the_reservation_with_nothing_upfront_by_the_hour(folder, server):
    with_terms(folder, server)
    aws, azure = refreshed(folder, server)
    assert (aws.problems, azure.problems) == ((), ())
    base = {sku: price.tiers[0].price.base for sku, price in book(folder).items()}
    assert (base["a.small"], base["a.small@one-year"], base["a.small@three-year"]) == (
        Decimal("0.026"),
        Decimal("0.0163"),
        Decimal("0.0118"),
    )
    assert (base["z.vm"], base["z.vm@one-year"], base["z.vm@three-year"]) == (
        Decimal("0.123"),
        Decimal("0.07305936"),  # 640 / 8,760
        Decimal("0.04680365"),  # 1,230 / 26,280
    )
    assert sum("Reservation" in path for path in server.asked) >= 2


def test_a_term_of_two_prices_or_none_keeps_the_old_one(folder, server):
    with_terms(folder, server)
    server.files["AmazonEC2"] = [*MACHINES_OF_AWS, reserved("0.0163"), reserved("0.0170")]
    (aws,) = refreshed(folder, server, ["aws"])
    assert {one.sku: one.problem for one in aws.problems} == {
        "a.small@one-year": "a tier has two prices",
        "a.small@three-year": "no row fits",
    }
    assert book(folder)["a.small@one-year"].tiers[0].price.base == Decimal("9.99")


def test_the_snapshot_before_is_kept_byte_for_byte_and_each_of_them(folder, server):
    before = (folder / "prices" / "aws.yaml").read_bytes()
    (first,) = refreshed(folder, server, ["aws"])
    (second,) = refreshed(folder, server, ["aws"])
    assert first.kept.read_bytes() == before
    assert second.kept != first.kept
    assert second.changes == ()
    assert read(second.kept, prices.Snapshot) == read(second.path, prices.Snapshot)


def test_pages_are_followed_on_the_server_that_was_named(folder, server):
    refreshed(folder, server, ["azure"])
    assert sum("Virtual+Machines" in path or "Virtual%20Machines" in path for path in server.asked) == 4
    assert sum("skip" in path for path in server.asked) == 4


@pytest.mark.parametrize("fault", ["429", "cut", "gzip", "cut-gzip"])
@pytest.mark.parametrize("only", ["aws", "azure"])
def test_a_failure_that_passes_is_tried_again(folder, server, fault, only):
    server.faults = [fault]
    (done,) = refreshed(folder, server, [only])
    assert done.problems == ()
    assert len(done.changes) == 2


@pytest.mark.parametrize(("fault", "error"), [("429", TransientError), ("cut", TransientError), ("404", WkmsError)])
@pytest.mark.parametrize("only", ["aws", "azure"])
def test_a_failure_that_stays_leaves_the_snapshot_as_it_was(folder, server, fault, error, only):
    path = folder / "prices" / f"{only}.yaml"
    before = path.read_bytes()
    server.faults = ["", *[fault] * 50]
    with pytest.raises(error):
        refreshed(folder, server, [only])
    assert path.read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir()) == ["aws.yaml", "azure.yaml"]


@pytest.mark.parametrize(
    ("only", "fault", "message"),
    [
        ("aws", "changed", "no AWS price file"),
        ("aws", "short-row", "4 of 16 columns"),
        ("azure", "changed", "no page of prices"),
    ],
)
def test_an_answer_of_another_shape_is_refused_and_changes_nothing(folder, server, only, fault, message):
    path = folder / "prices" / f"{only}.yaml"
    before = path.read_bytes()
    server.faults = [fault]
    with pytest.raises(WkmsError, match=message):
        refreshed(folder, server, [only])
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ([], "no row fits"),
        ([item("D2s v3", 0.1), item("D2s v3", 0.2, product="Another Series")], "2 rows fit, of several meters"),
        ([item("D2s v3", 0.1), item("D2s v3", 0.2)], "a tier has two prices"),
        ([item("D2s v3", 0.1, unitOfMeasure="100 Hours")], "is priced per 100 Hours, not per 1 Hour"),
        ([item("D2s v3", -0.1)], "its price is below 0"),
    ],
)
def test_what_is_not_one_price_is_named_and_keeps_the_old_one(folder, server, items, problem):
    server.items["Virtual Machines"] = items
    (done,) = refreshed(folder, server, ["azure"])
    assert [(found.sku, found.problem) for found in done.problems] == [("z.vm", problem)]
    assert book(folder)["z.vm"].tiers[0].price.base == Decimal("9.99")
    assert book(folder)["z.egress"].tiers[1].price.base == Decimal("0.12"), "the others are refreshed"


def test_a_row_given_twice_is_one(folder, server):
    server.items["Virtual Machines"] = [item("D2s v3", 0.1)] * 3
    (done,) = refreshed(folder, server, ["azure"])
    assert done.problems == ()


def test_pages_that_never_end_are_noticed(folder, server):
    server.items["Virtual Machines"] = MACHINES
    server.page_size = 0
    with pytest.raises(WkmsError, match="do not end"):
        refreshed(folder, server, ["azure"])


def test_bundled_selectors_name_skus_and_files_that_are_there():
    lists = read(BUNDLED / "price-lists.yaml", renew.PriceLists).lists
    for one in lists:
        rows = {row.sku for row in read(BUNDLED / "prices" / f"{one.snapshot}.yaml", prices.Snapshot).prices}
        assert {selector.sku for selector in one.select} <= rows
        assert len({selector.sku for selector in one.select}) == len(one.select)


def test_a_bundled_file_written_anew_reads_the_same(tmp_path):
    from wkms_migrate.cost import refresh

    for path in sorted((BUNDLED / "prices").glob("*.yaml")):
        copy = shutil.copy(path, tmp_path / path.name)
        refresh.write(tmp_path / path.name, read(path, prices.Snapshot), DAY)
        assert read(path, prices.Snapshot) == read(tmp_path / path.name, prices.Snapshot), copy

"""Schemathesis reads the OpenAPI document and tries each operation with what fits it and what does not, all checks on."""

import os
import subprocess
import sys

from rpc import internal

ON = ("sqlite",)
EXAMPLES = int(os.environ.get("OUTSIDE_EXAMPLES", "60"))
SECS = 30 * EXAMPLES
# What the fuzzer takes for good may still name what is not there (404, 410), be made for another state (412) or break a rule
# between members (400, 409, 422), and be unchanged for the client (304).
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "400", "401", "403", "404", "409", "410", "412", "422"%s]
"""
# Under the limit of a minute nearly every call of a fuzzer is one too many, whatever is wrong with it.
LIMITED = """
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "410", "412", "413", "415", "422", "428", "429"]
[checks.missing_required_header]
expected-statuses = ["400", "401", "403", "422", "428", "429"]
"""


def fuzzed(server, tenant, folder, config, examples):
    """What the fuzzer says; it ends with 0 when every check held on every operation."""
    path = folder / "schemathesis.toml"
    path.write_text(config)
    tool = os.path.join(os.path.dirname(sys.executable), "schemathesis")
    words = [
        tool, "--config-file", path, "run", f"{server.url}/api/v1/openapi.json", "--checks", "all", "--max-examples", str(examples),
        "--header", f"Authorization: {tenant.api.headers['authorization']}", "--no-color",
    ]
    done = subprocess.run(words, cwd=folder, text=True, capture_output=True, timeout=SECS)
    # The seed stands at the end: `--seed` repeats a run.
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert "Operations:       0" not in done.stdout
    return done.stdout


def test_the_api_does_what_its_document_says(acme, server, tmp_path):
    acme.ticket()
    fuzzed(server, acme, tmp_path, CONFIG % "", EXAMPLES)


def test_it_does_so_under_a_limit_of_100_requests_a_minute(world, server, tmp_path):
    tenant = world.tenant("Limited")
    tenant.ticket()
    internal(server).set_rate_limit(tenant_id=tenant.id, requests_per_minute=100)
    fuzzed(server, tenant, tmp_path, CONFIG % ', "429"' + LIMITED, EXAMPLES // 4)
    assert tenant.api.get("/tickets").status_code == 429, "the limit was met"

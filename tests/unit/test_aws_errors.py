"""botocore's errors as ours: what kind they become, with the service's own words."""

from __future__ import annotations

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from salespipe.aws.errors import client_error, translate, translated
from salespipe.errors import AccessError, NotThereError, SalespipeError, TransientError


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDeniedException", AccessError),
        ("403", AccessError),
        ("Forbidden", AccessError),
        ("NoSuchBucket", NotThereError),
        ("ThrottlingException", TransientError),
        # Almost always a quota, which the same call meets again.
        ("LimitExceededException", SalespipeError),
        ("SomethingNew", SalespipeError),
    ],
)
def test_the_code_says_what_to_do_next(code: str, kind: type[SalespipeError]) -> None:
    error = translate(client_error("HeadBucket", code, "no"))
    assert type(error) is kind
    assert str(error) == f"HeadBucket: {code}: no"


def test_without_credentials_and_without_a_network() -> None:
    with pytest.raises(AccessError) as caught, translated():
        raise NoCredentialsError
    assert "--profile" in caught.value.hint
    assert isinstance(caught.value.__cause__, NoCredentialsError)
    with pytest.raises(TransientError, match="example"), translated():
        raise EndpointConnectionError(endpoint_url="http://example")

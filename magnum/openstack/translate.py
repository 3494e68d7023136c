# SPDX-License-Identifier: Apache-2.0
"""What other services refuse, in this project's own words.

Each client library says it in another way; here is the one place that knows.
What may pass by itself is `Temporary`, so that an operation tries again.
"""

from collections.abc import Iterator
import contextlib
import re
from typing import Any
from urllib import parse

from heatclient import exc as heat_exc
from keystoneauth1 import exceptions as ka_exc
import requests

from magnum import errors

# Each service words it differently: "Quota exceeded for ...", "exceeds the
# quota", "Maximum number of ports exceeded".
_QUOTA = re.compile(r'quota|maximum number', re.IGNORECASE)


@contextlib.contextmanager
def translated(service: str) -> Iterator[None]:
    """Turn what a client library raises into this project's own errors.

    :param service: as people call it, such as "Heat"; named in the errors.
    """
    try:
        yield
    except ka_exc.CatalogException as e:
        raise errors.InfrastructureFailed(
            f'{service} is not in the catalog of this cloud, or not for this '
            f'region and interface.') from e
    except (ka_exc.RetriableConnectionFailure,
            heat_exc.CommunicationError) as e:
        raise errors.ServiceUnavailable(
            f'{service} cannot be reached or did not answer in time; '
            f'try again later.') from e
    except ka_exc.ConnectionError as e:
        raise errors.ServiceUnavailable(
            f'The connection to {service} failed; try again later.') from e
    except ka_exc.Unauthorized as e:
        if _is_own_login(e):
            raise errors.ServiceUnavailable(
                'Keystone refuses the service its own login; an operator '
                'should look at [keystone_auth] and [trust].') from e
        raise _refusal(service, 401, e.message) from e
    except ka_exc.HttpError as e:
        raise _refusal(service, e.http_status, e.message, e.url) from e
    except heat_exc.HTTPException as e:
        raise _refusal(service, e.code, _heat_text(e)) from e
    except requests.exceptions.JSONDecodeError as e:
        raise errors.ServiceUnavailable(
            f'{service} sent a response that is not JSON; try again '
            'later.') from e
    except (ka_exc.ClientException, heat_exc.BaseException) as e:
        raise errors.InfrastructureFailed(f'{service}: {e}') from e


def _is_own_login(error: ka_exc.Unauthorized) -> bool:
    # Only the service's own users ever log in; a user's token is a token.
    return (error.method == 'POST'
            and str(error.url).endswith('/auth/tokens'))


def _heat_text(error: heat_exc.HTTPException) -> str | None:
    # Something between us and Heat may have answered in its place.
    told = error.error['error']
    if isinstance(told, dict):
        # Of its own failures Heat gives the kind alone.
        return told.get('message') or told.get('type')
    return str(told)


def _refusal(service: str, status: Any, text: str | None,
             url: str | None = None) -> errors.MagnumError:
    text = (text or '').strip() or f'refused with status {status}'
    if status == 401:
        return errors.AuthorisationEnded(
            f'{service} no longer accepts the authorisation of this request; '
            f'submit it again.')
    if status in (403, 413) and _QUOTA.search(text):
        return errors.Forbidden(f'{service}: {text}', 'CLOUD_QUOTA_EXCEEDED')
    if status == 403:
        return errors.Forbidden(f'{service}: {text}', 'CLOUD_FORBIDDEN')
    if status == 404:
        return errors.NotFoundElsewhere(service, _missing(text, url))
    if status == 409:
        return errors.Conflict(f'{service}: {text}', 'CLOUD_CONFLICT')
    if status == 500:
        return errors.ServiceFailed(
            f'{service} answered with status 500 ({text}); try again later.')
    if status in (408, 429) or not isinstance(status, int) or status >= 500:
        return errors.ServiceUnavailable(
            f'{service} answered with status {status}; try again later.',
            'CLOUD_UNAVAILABLE')
    return errors.InfrastructureFailed(f'{service}: {text}', 'CLOUD_REFUSED')


def _missing(text: str, url: str | None) -> str:
    """What was not found, if need be in the words of its address."""
    path = parse.unquote(parse.urlsplit(url or '').path)
    named = path.rsplit('/', 1)[-1]
    if not path or named and named in text:
        return text
    return f'{path} could not be found ({text}).'

"""The web application: routes of the REST API and of the logviewer, guarded, with every error answered.

request -> may it ask? -> route -> answer
                              `-> an error in Storm's form; an unexpected one has an id that the log has
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from thriftpy2.thrift import TApplicationException, TException

from storm_compat.caller import Caller, calling
from storm_compat.errors import BadRequest, NoSuchLog
from storm_compat.logviewer.routes import Logviewer
from storm_compat.rest import access, replies
from storm_compat.rest.metrics_page import MetricsPage
from storm_compat.rest.routes import Api, UnsupportedCall
from storm_compat.rest.texts import Site
from storm_compat.thrift import idl
from storm_compat.topologies import Topologies

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 1024 * 1024

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(
    nimbus: Any, topologies: Topologies, conf: Mapping[str, Any], *, log_address: str, may_write: bool
) -> web.Application:
    """Return everything that is served, on whatever port.

    Args:
        nimbus: has Nimbus' methods, which ask whether the caller may.
        topologies: asked for what no method returns.
        conf: the cluster's; read anew for each page.
        log_address: HOST:PORT that links to logs lead to.
        may_write: take orders.
    """
    api = Api(nimbus, lambda: Site(conf, log_address))
    logviewer = Logviewer(Path(conf["storm.log.dir"]), nimbus.machine.host, log_address)
    metrics = MetricsPage(topologies, lambda: nimbus.machine)
    app = web.Application(
        middlewares=[_guarding(may_write=may_write), _answering, _admitting(nimbus, conf)],
        client_max_size=MAX_BODY_BYTES,
    )
    app.add_routes([*api.routes(), *logviewer.routes(), *metrics.routes()])
    app.on_cleanup.append(logviewer.close)
    return app


def _guarding(*, may_write: bool) -> Any:
    @web.middleware
    async def guard(request: web.Request, handler: Next) -> web.StreamResponse:
        refusal = access.refusal(
            request.method,
            request.headers,
            may_write=may_write,
            is_script=replies.callback(request) is not None,
        )
        if refusal is None:
            return await handler(request)
        logger.info(
            "refused a request: method=%s path=%s reason=%s", request.method, request.path, refusal.text
        )
        return replies.error(request, refusal.status, refusal.text)

    return guard


def _admitting(nimbus: Any, conf: Mapping[str, Any]) -> Any:
    """Return what says who asks, as on the plain port, and has the smallest of Nimbus' methods allowed first.

    Logs and metrics are no methods of Nimbus, so the authorizer would not be asked about them.
    """

    @web.middleware
    async def admit(request: web.Request, handler: Next) -> web.StreamResponse:
        lent_name = conf.get("debug.simple.transport.user") or None
        with calling(Caller(principal=lent_name, peer=request.remote or "")):
            nimbus.getLeader()
            return await handler(request)

    return admit


@web.middleware
async def _answering(request: web.Request, handler: Next) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as exc:
        if exc.status < 400:
            raise
        return replies.error(request, exc.status, _hint(request, exc))
    except BadRequest as exc:
        return replies.error(request, 400, str(exc))
    except NoSuchLog as exc:
        return replies.error(request, 404, str(exc))
    except UnsupportedCall as exc:
        return replies.error(request, 501, str(exc))
    except idl.load().AuthorizationException as exc:
        return replies.error(request, 401, exc.msg)
    except idl.load().NotAliveException as exc:
        text = str(exc.msg)
        return replies.error(request, 500, text if "not alive" in text else f"{text} is not alive")
    except (TException, TApplicationException) as exc:
        return replies.error(request, 500, _text_of(exc))
    except ConnectionError as exc:
        logger.debug("lost the client: path=%s reason=%r", request.path, exc)
        raise
    except Exception:
        error_id = secrets.token_hex(3).upper()
        logger.exception("a request failed: path=%s error_id=%s", request.path, error_id)
        return replies.error(request, 500, f"Internal error {error_id}; nimbus.log says more")


def _hint(request: web.Request, exc: web.HTTPException) -> str:
    if exc.status == 404:
        return f"There is nothing at {request.path}; docs/rest.md lists what there is"
    if exc.status == 405:
        return f"{request.path} does not take {request.method}"
    return exc.text or exc.reason


def _text_of(error: TException) -> str:
    """Return what a client of Thrift would read."""
    return getattr(error, "msg", None) or getattr(error, "message", None) or type(error).__name__

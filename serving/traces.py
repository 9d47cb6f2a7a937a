"""OpenTelemetry traces, where a setting names a collector: one span a request, named by its operation and nothing else.

A span knows the operation, the method, the status and the request id that finds the log line: no path, no query, no person,
no key and no score. Where the setting is empty, what collects and sends is not imported.

References
----------
W3C Trace Context; OpenTelemetry semantic conventions for HTTP spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import BadInputError
from serving.settings import ServingSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

SERVICE = "skillpath"
UNROUTED = "unrouted"
HEALTH = "/health/"
EXPORT_SECONDS = 3


class Traced:
    """Open a span around every request but those for health.

    Parameters
    ----------
    app : ASGI application
        What answers.
    provider : TracerProvider
        What spans are sent by.
    """

    def __init__(self, app: ASGIApp, provider: TracerProvider) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.app, self.tracer = app, provider.get_tracer(SERVICE)
        self.kind, self.failed = SpanKind.SERVER, Status(StatusCode.ERROR)
        self.parent_of = TraceContextTextMapPropagator().extract

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request inside its span."""
        if scope["type"] != "http" or scope["path"].startswith(HEALTH):
            await self.app(scope, receive, send)
            return
        status = 500

        async def wrapped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        # What an exception says may name a person: the span gets its status, the log its type and place.
        with self.tracer.start_as_current_span(
            UNROUTED,
            context=self.parent_of(carrier_of(scope)),
            kind=self.kind,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await self.app(scope, receive, wrapped)
            finally:
                span.update_name(getattr(scope.get("route"), "operation_id", None) or UNROUTED)
                span.set_attributes(told(scope, status))
                if status >= 500:
                    span.set_status(self.failed)


def carrier_of(scope: Scope) -> dict[str, str]:
    """Return the headers that say which trace a request belongs to."""
    wanted = (b"traceparent", b"tracestate")
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in wanted}


def told(scope: Scope, status: int) -> dict[str, Any]:
    """Return what a span may know."""
    return {
        "http.request.method": scope["method"],
        "http.response.status_code": status,
        "skillpath.request_id": scope.get("request_id", ""),
    }


def provider_of(exporter: SpanExporter) -> TracerProvider:
    """Return what sends spans in the background, and the last of them when the process ends."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource({"service.name": SERVICE}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def exporter_of(settings: ServingSettings) -> SpanExporter:
    """Return what sends spans to the collector of the settings.

    Raises
    ------
    BadInputError
        If the packages are not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise BadInputError(
            "SKILLPATH_TRACES_URL is set, and OpenTelemetry is not installed.",
            hint="pip install 'skillpath[telemetry]', or leave the setting empty.",
        ) from error
    return OTLPSpanExporter(endpoint=settings.traces_url, timeout=EXPORT_SECONDS)

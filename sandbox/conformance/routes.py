"""`/sandbox/conformance/<run>/report.{json,html,pdf,jws}`: a report in the form asked for, to its tenant alone."""

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.bootstrap import Ground
from sandbox.conformance.report_page import POLICY, render_page
from sandbox.conformance.report_pdf import render_pdf
from schema.answers import Answers
from schema.errors import HTTP_STATUS, RequestCode, format_exception
from schema.execution import Answer
from schema.limits import limits_of
from schema.transport import bearer_of
from service.conformance_reports import ConformanceReport, compose
from service.evidence.records import Marks
from service.world import World

KEPT_PRIVATE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
MEDIA = {
    "json": "application/json; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "jws": "application/jose",
}
Rendered = Callable[[ConformanceReport, str, World], bytes]
FORMS: dict[str, Rendered] = {
    "json": lambda report, _, world: compose(report, Marks.of(world)),
    "html": lambda report, _, world: render_page(report, world).encode(),
    "pdf": lambda report, _, world: render_pdf(report, world),
    "jws": lambda _, signed, __: signed.encode(),
}


def conformance_routes(world: World, ground: Ground) -> list[BaseRoute]:
    answers = Answers(world, limits_of(ground.settings))

    async def report(request: Request) -> Response:
        """1 whose secret, 2 the run's report, 3 in its form. What is not there is not told from what is another's."""
        form = request.path_params["form"]
        try:
            sandbox = ground.sandbox
            tenant = await sandbox.tenant_of(bearer_of(request.headers.get("authorization", "")))  # 1
            run = await sandbox.conformance.find(tenant, request.path_params["run"])  # 2
        except Exception as error:
            said = format_exception(error, request.scope.get("state", {}).get("request_id", ""))
            status = HTTP_STATUS.get(said["extensions"]["code"], 400)
            return Response(answers.encode(Answer([said])), status, KEPT_PRIVATE, "application/json")
        if run is None or run.report is None or form not in FORMS:
            absent = answers.refusal(RequestCode.NOT_FOUND.value, "There is no such report.")
            return Response(absent, 404, KEPT_PRIVATE, "application/json")
        verified = sandbox.conformance.read(run.report)
        body = await asyncio.to_thread(FORMS[form], verified, run.report, world)  # 3
        name = f'inline; filename="conformance-{verified.participant_code}.{form}"'
        headers = KEPT_PRIVATE | {"content-disposition": name, "content-security-policy": POLICY}
        return Response(body, headers=headers, media_type=MEDIA[form])

    return [Route("/sandbox/conformance/{run}/report.{form}", report)]

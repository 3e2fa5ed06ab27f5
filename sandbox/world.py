"""The sandbox as a World: every name differs from production's, and nothing in it binds (art. 17)."""

from service.world import PRODUCTION, Environment, Neighbour, World

NOTICE = (
    "测试数据仅用于测试，不作为办理登记结算业务的凭据。"
    " Test data serves testing only and is no credential for registration or settlement business."
)

SANDBOX = World(
    environment=Environment.SANDBOX,
    binding=False,
    notice=NOTICE,
    id_prefix=PRODUCTION.neighbour.id_prefix,
    variables=PRODUCTION.neighbour.variables,
    database=PRODUCTION.neighbour.database,
    organization="PROP SANDBOX - NOT BINDING",
    policy_oid=PRODUCTION.neighbour.policy_oid,
    log_origin="prop.sandbox/evidence",
    neighbour=Neighbour(
        environment=PRODUCTION.environment,
        id_prefix=PRODUCTION.id_prefix,
        variables=PRODUCTION.variables,
        database=PRODUCTION.database,
        policy_oid=PRODUCTION.policy_oid,
    ),
)

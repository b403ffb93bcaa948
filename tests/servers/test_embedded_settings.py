import httpx
import pytest

from llmtui.servers.embedded import missing_support
from llmtui.suites.grid import embedded_servers
from llmtui.suites.schema import Embedded, Suite, Variant, Watch

VARIED = Suite(
    name="s",
    workloads=(Watch(),),
    embedded=Embedded(context=256, parallel=1),
    variants=(Variant(name="plain"), Variant(name="other", embedded={"threads": 2, "gpu_layers": 0, "context": 512})),
)


@pytest.mark.embedded
@pytest.mark.skipif(missing_support() is not None, reason=str(missing_support()))
class TestSettings:
    def test_the_child_is_told_what_a_variant_says(self, factory):
        plain, other = (
            factory.prepare(None, Suite(name="s", workloads=(), embedded=wanted.settings))
            for wanted in embedded_servers(VARIED)
        )
        assert (plain._settings.context, plain._settings.gpu_layers) == (256, None)
        told = other._settings
        assert (told.context, told.threads, told.gpu_layers) == (512, 2, 0)

    async def test_a_server_without_layers_on_a_gpu_serves(self, factory):
        settings = Embedded(context=256, parallel=1, threads=1, gpu_layers=0)
        server = factory.prepare(None, Suite(name="s", workloads=(), embedded=settings))
        try:
            url = await server.start()
            async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
                props = (await client.get(f"{url}/props")).json()
        finally:
            await server.stop()
        assert props["default_generation_settings"]["n_ctx"] == 256

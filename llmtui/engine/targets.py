"""The servers of a session: found, started if they are ours, watched, and given back."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from llmtui.backends.base import Backend, BackendError
from llmtui.backends.discover import DEFAULT_URLS, discover, identify, normalize_url, open_backend
from llmtui.engine.job import Residence
from llmtui.engine.recorder import Recorder
from llmtui.events import Model, Server, ServerStarted, ServerStopped, TargetResolved
from llmtui.models.catalog import DEFAULT_MODEL
from llmtui.models.download import ModelError, ensure_model
from llmtui.models.gguf import GgufError, read_gguf
from llmtui.servers.embedded import EmbeddedServer, ServerStartError
from llmtui.settings import Settings, api_key
from llmtui.suites.plan import PlannedTarget
from llmtui.suites.schema import Embedded, Suite

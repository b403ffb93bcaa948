"""The servers of a session: found, or started if they are ours, and given back at the end."""

import asyncio
from pathlib import Path

from llmtui.backends.base import Backend, BackendError
from llmtui.backends.discover import open_backend
from llmtui.engine.job import Residence
from llmtui.engine.recorder import Recorder
from llmtui.events import Model, Server, ServerStarted, ServerStopped, TargetResolved
from llmtui.models.catalog import CatalogEntry, find_entry
from llmtui.models.download import ensure_model
from llmtui.models.gguf import read_gguf
from llmtui.servers.embedded import EmbeddedServer, ServerError
from llmtui.suites.plan import PlannedTarget
from llmtui.suites.schema import Embedded

"""The vocabulary: what can happen in a session, each as a frozen struct in the past tense.

Every event has `t`: nanoseconds since the session's origin on the monotonic clock, the moment at which it happened.
The structs are the log's lines, the reducer's input and the only thing that the measuring side and the watching side
share. They do nothing by themselves. All sizes are bytes, all rates tokens per second, all `*_ns` nanoseconds.
"""

from llmtui.events.base import Event as Event
from llmtui.events.findings import AnswerScored as AnswerScored
from llmtui.events.findings import CapacityFound as CapacityFound
from llmtui.events.findings import ContextOutcome as ContextOutcome
from llmtui.events.findings import ContextTried as ContextTried
from llmtui.events.findings import IntervalRecorded as IntervalRecorded
from llmtui.events.findings import StepFinished as StepFinished
from llmtui.events.findings import VerdictReached as VerdictReached
from llmtui.events.jobs import JobCause as JobCause
from llmtui.events.jobs import JobFinished as JobFinished
from llmtui.events.jobs import JobMoved as JobMoved
from llmtui.events.jobs import JobProgressed as JobProgressed
from llmtui.events.jobs import JobQueued as JobQueued
from llmtui.events.jobs import JobStarted as JobStarted
from llmtui.events.jobs import JobState as JobState
from llmtui.events.jobs import JobStatus as JobStatus
from llmtui.events.jobs import ModelFinished as ModelFinished
from llmtui.events.jobs import Phase as Phase
from llmtui.events.jobs import RepetitionBegun as RepetitionBegun
from llmtui.events.jobs import RepetitionEnded as RepetitionEnded
from llmtui.events.machine import SamplerLost as SamplerLost
from llmtui.events.machine import SamplerStarted as SamplerStarted
from llmtui.events.machine import SampleTaken as SampleTaken
from llmtui.events.machine import SelfMeasured as SelfMeasured
from llmtui.events.machine import ViewerMeasured as ViewerMeasured
from llmtui.events.payloads import ContainerLimits as ContainerLimits
from llmtui.events.payloads import Criterion as Criterion
from llmtui.events.payloads import Figures as Figures
from llmtui.events.payloads import Gpu as Gpu
from llmtui.events.payloads import HardwareSnapshot as HardwareSnapshot
from llmtui.events.payloads import Model as Model
from llmtui.events.payloads import ModelPlace as ModelPlace
from llmtui.events.payloads import OfferedLoad as OfferedLoad
from llmtui.events.payloads import Server as Server
from llmtui.events.payloads import ServerProcess as ServerProcess
from llmtui.events.payloads import ServerTimings as ServerTimings
from llmtui.events.payloads import TokenBasis as TokenBasis
from llmtui.events.payloads import Usage as Usage
from llmtui.events.requests import RequestFinished as RequestFinished
from llmtui.events.requests import RequestSent as RequestSent
from llmtui.events.requests import RequestStarted as RequestStarted
from llmtui.events.requests import RequestStatus as RequestStatus
from llmtui.events.requests import TextKind as TextKind
from llmtui.events.requests import TokensReceived as TokensReceived
from llmtui.events.servers import ModelLoaded as ModelLoaded
from llmtui.events.servers import ModelUnloaded as ModelUnloaded
from llmtui.events.servers import ServerProcessesFound as ServerProcessesFound
from llmtui.events.servers import ServerStarted as ServerStarted
from llmtui.events.servers import ServerStopped as ServerStopped
from llmtui.events.servers import TargetResolved as TargetResolved
from llmtui.events.session import CLIENT_BOUND as CLIENT_BOUND
from llmtui.events.session import AlertRaised as AlertRaised
from llmtui.events.session import MarkerPlaced as MarkerPlaced
from llmtui.events.session import QueuePaused as QueuePaused
from llmtui.events.session import QueueResumed as QueueResumed
from llmtui.events.session import SessionFinished as SessionFinished
from llmtui.events.session import SessionOpened as SessionOpened
from llmtui.events.session import SessionOutcome as SessionOutcome
from llmtui.events.session import SessionResumed as SessionResumed
from llmtui.events.session import Severity as Severity

FORMAT_VERSION = 1

AnyEvent = (
    SessionOpened
    | ServerStarted
    | ServerStopped
    | TargetResolved
    | ServerProcessesFound
    | JobQueued
    | JobMoved
    | RepetitionBegun
    | RepetitionEnded
    | JobStarted
    | JobProgressed
    | JobFinished
    | ModelLoaded
    | ModelUnloaded
    | ModelFinished
    | RequestStarted
    | RequestSent
    | TokensReceived
    | RequestFinished
    | AnswerScored
    | StepFinished
    | CapacityFound
    | IntervalRecorded
    | ContextTried
    | VerdictReached
    | SampleTaken
    | SelfMeasured
    | ViewerMeasured
    | SamplerStarted
    | SamplerLost
    | AlertRaised
    | MarkerPlaced
    | QueuePaused
    | QueueResumed
    | SessionResumed
    | SessionFinished
)
"""The union that the log decodes into."""

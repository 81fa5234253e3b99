# `as` says to editors that a name is exported (PEP 484); jedi reads nothing else.
from ._auth import ApiKey as ApiKey
from ._auth import BearerToken as BearerToken
from ._client import Aikynetix as Aikynetix
from ._client import AsyncAikynetix as AsyncAikynetix
from ._config import AsyncToken as AsyncToken
from ._config import Token as Token
from ._errors import AikynetixError as AikynetixError
from ._errors import APIConnectionError as APIConnectionError
from ._errors import APIError as APIError
from ._errors import APIResponseValidationError as APIResponseValidationError
from ._errors import APIStatusError as APIStatusError
from ._errors import APITimeoutError as APITimeoutError
from ._errors import AuthenticationError as AuthenticationError
from ._errors import BadRequestError as BadRequestError
from ._errors import ConfigurationError as ConfigurationError
from ._errors import ConflictError as ConflictError
from ._errors import DownloadError as DownloadError
from ._errors import DownloadInterruptedError as DownloadInterruptedError
from ._errors import IntegrityError as IntegrityError
from ._errors import InternalServerError as InternalServerError
from ._errors import InvalidArgumentError as InvalidArgumentError
from ._errors import NotFoundError as NotFoundError
from ._errors import PermissionDeniedError as PermissionDeniedError
from ._errors import RateLimitError as RateLimitError
from ._errors import SignedUrlExpiredError as SignedUrlExpiredError
from ._errors import UnprocessableEntityError as UnprocessableEntityError
from ._errors import VideoNotReadyError as VideoNotReadyError
from ._export import ExportRecord as ExportRecord
from ._export import ExportStatus as ExportStatus
from ._models import AnalyzedVideo as AnalyzedVideo
from ._models import DownloadedVideo as DownloadedVideo
from ._operations import Analysis as Analysis
from ._operations import RawClient as RawClient
from ._videos import AnalyzedVideos as AnalyzedVideos
from ._videos import AsyncAnalyzedVideos as AsyncAnalyzedVideos
from ._videos import ExportItem as ExportItem
from ._videos import Progress as Progress
from ._videos import StrPath as StrPath

__version__: str

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "Aikynetix",
    "AikynetixError",
    "Analysis",
    "AnalyzedVideo",
    "AnalyzedVideos",
    "ApiKey",
    "AsyncAikynetix",
    "AsyncAnalyzedVideos",
    "AsyncToken",
    "AuthenticationError",
    "BadRequestError",
    "BearerToken",
    "ConfigurationError",
    "ConflictError",
    "DownloadError",
    "DownloadInterruptedError",
    "DownloadedVideo",
    "ExportItem",
    "ExportRecord",
    "ExportStatus",
    "IntegrityError",
    "InternalServerError",
    "InvalidArgumentError",
    "NotFoundError",
    "PermissionDeniedError",
    "Progress",
    "RateLimitError",
    "RawClient",
    "SignedUrlExpiredError",
    "StrPath",
    "Token",
    "UnprocessableEntityError",
    "VideoNotReadyError",
    "__version__",
]

"""The operations of `client.api.sessions`; made by `make regen`, never edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..types import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..models.analyzed_video_response import AnalyzedVideoResponse
    from ..models.generate_analyzed_video_body import GenerateAnalyzedVideoBody
    from ..types import Unset


class SessionsOperations:
    """The operations of `client.api.sessions`."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def create_analyzed_video(self, session_id: str, *, body: GenerateAnalyzedVideoBody) -> AnalyzedVideoResponse:
        """Upload/Generate Analyzed Video

        Uploads or generates an analyzed video for a specific session, returning its URL.

        ### Path Parameter
        - **session_id** *(string, required)*: The unique identifier of the session.

        ### Request Body (JSON)
        ```json
        {
          "is_jump": true,
          "is_weight": false
        }
        ```
        - **is_jump** *(boolean, optional)*: If true, treat this as a jump session.
        - **is_weight** *(boolean, optional)*: If true, treat this as a weightlifting session.

        ### Response Structure (HTTP 200)
        On success, returns a JSON object with the `analyzed_video_url`:

        ```json
        {
          "analyzed_video_url": "https://storage.googleapis.com/.../analyzed_video.mp4"
        }
        ```
        ### Error Handling

        - **400 Bad Request**: Invalid parameters or session already analyzed.
        - **401 Unauthorized**: Token is missing or invalid.
        - **403 Forbidden**: The user does not have a valid plan.
        - **404 Not Found**: Session data not found.
        - **500 Internal Server Error**: An unexpected error occurred on the server.

        ### Security
        A valid API-KEY token must be provided in the `Authorization` header.

        Args:
            session_id: The session ID for which to upload/generate an analyzed video.

        Request: `POST /session-management/sessions/{session_id}/analyzed-video/`
        """
        from ..api.analyzed_videos import generate_analyzed_video as _operation

        return self._call(_operation, session_id, body=body)

    def get_analyzed_video(
        self,
        session_id: str,
        *,
        is_jump: bool | Unset = UNSET,
        is_weight: bool | Unset = UNSET,
        download: bool | Unset = UNSET,
    ) -> AnalyzedVideoResponse:
        """Retrieve Analyzed Video URL

        Retrieves the analyzed video URL for a specific session, or attempts to create it if it does not exist.

        ### Path Parameter
        - **session_id** *(string, required)*: The unique identifier of the session.

        ### Query Parameters
        These optional flags determine which kind of analysis to perform if the video doesn't exist:
        - **is_jump** *(boolean, optional)*: Indicates whether this session is for jump analysis.
        - **is_weight** *(boolean, optional)*: Indicates whether this session is for weightlifting analysis.
        - **download** *(boolean, optional)*: If `true`, returns a signed URL that forces the browser to download the video instead of displaying it.

        ### Response (HTTP 200)

        Returns a JSON object with an `analyzed_video_url` key if successful:

        ```json
        {
          "analyzed_video_url": "https://storage.googleapis.com/.../analyzed_video.mp4"
        }
        ```

        ### Error Handling

        - **400 Bad Request**: Invalid parameters (e.g., missing or invalid admin UID).
        - **401 Unauthorized**: Token is missing or invalid.
        - **403 Forbidden**: The user does not have the right privileges or plan.
        - **404 Not Found**: The session data or resources could not be found.
        - **500 Internal Server Error**: An unexpected error occurred on the server.

        ### Security
        A valid API-KEY token must be provided in the `Authorization` header.

        Args:
            session_id: The session ID for which to retrieve or create an analyzed video.
            is_jump: Indicates whether this session is for jump analysis.
            is_weight: Indicates whether this session is for weightlifting analysis.
            download: If true, returns a signed URL that forces download of the video.

        Request: `GET /session-management/sessions/{session_id}/analyzed-video/`
        """
        from ..api.analyzed_videos import get_analyzed_video as _operation

        return self._call(_operation, session_id, is_jump=is_jump, is_weight=is_weight, download=download)


class AsyncSessionsOperations:
    """The operations of `client.api.sessions`."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    async def create_analyzed_video(self, session_id: str, *, body: GenerateAnalyzedVideoBody) -> AnalyzedVideoResponse:
        """Upload/Generate Analyzed Video

        Uploads or generates an analyzed video for a specific session, returning its URL.

        ### Path Parameter
        - **session_id** *(string, required)*: The unique identifier of the session.

        ### Request Body (JSON)
        ```json
        {
          "is_jump": true,
          "is_weight": false
        }
        ```
        - **is_jump** *(boolean, optional)*: If true, treat this as a jump session.
        - **is_weight** *(boolean, optional)*: If true, treat this as a weightlifting session.

        ### Response Structure (HTTP 200)
        On success, returns a JSON object with the `analyzed_video_url`:

        ```json
        {
          "analyzed_video_url": "https://storage.googleapis.com/.../analyzed_video.mp4"
        }
        ```
        ### Error Handling

        - **400 Bad Request**: Invalid parameters or session already analyzed.
        - **401 Unauthorized**: Token is missing or invalid.
        - **403 Forbidden**: The user does not have a valid plan.
        - **404 Not Found**: Session data not found.
        - **500 Internal Server Error**: An unexpected error occurred on the server.

        ### Security
        A valid API-KEY token must be provided in the `Authorization` header.

        Args:
            session_id: The session ID for which to upload/generate an analyzed video.

        Request: `POST /session-management/sessions/{session_id}/analyzed-video/`
        """
        from ..api.analyzed_videos import generate_analyzed_video as _operation

        return await self._call(_operation, session_id, body=body)

    async def get_analyzed_video(
        self,
        session_id: str,
        *,
        is_jump: bool | Unset = UNSET,
        is_weight: bool | Unset = UNSET,
        download: bool | Unset = UNSET,
    ) -> AnalyzedVideoResponse:
        """Retrieve Analyzed Video URL

        Retrieves the analyzed video URL for a specific session, or attempts to create it if it does not exist.

        ### Path Parameter
        - **session_id** *(string, required)*: The unique identifier of the session.

        ### Query Parameters
        These optional flags determine which kind of analysis to perform if the video doesn't exist:
        - **is_jump** *(boolean, optional)*: Indicates whether this session is for jump analysis.
        - **is_weight** *(boolean, optional)*: Indicates whether this session is for weightlifting analysis.
        - **download** *(boolean, optional)*: If `true`, returns a signed URL that forces the browser to download the video instead of displaying it.

        ### Response (HTTP 200)

        Returns a JSON object with an `analyzed_video_url` key if successful:

        ```json
        {
          "analyzed_video_url": "https://storage.googleapis.com/.../analyzed_video.mp4"
        }
        ```

        ### Error Handling

        - **400 Bad Request**: Invalid parameters (e.g., missing or invalid admin UID).
        - **401 Unauthorized**: Token is missing or invalid.
        - **403 Forbidden**: The user does not have the right privileges or plan.
        - **404 Not Found**: The session data or resources could not be found.
        - **500 Internal Server Error**: An unexpected error occurred on the server.

        ### Security
        A valid API-KEY token must be provided in the `Authorization` header.

        Args:
            session_id: The session ID for which to retrieve or create an analyzed video.
            is_jump: Indicates whether this session is for jump analysis.
            is_weight: Indicates whether this session is for weightlifting analysis.
            download: If true, returns a signed URL that forces download of the video.

        Request: `GET /session-management/sessions/{session_id}/analyzed-video/`
        """
        from ..api.analyzed_videos import get_analyzed_video as _operation

        return await self._call(_operation, session_id, is_jump=is_jump, is_weight=is_weight, download=download)

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.analyzed_video_response import AnalyzedVideoResponse
from ...models.error_response import ErrorResponse
from ...models.generate_analyzed_video_body import GenerateAnalyzedVideoBody
from ...types import Response
from ...wire import path_text, request


def _get_kwargs(
    session_id: str,
    *,
    body: GenerateAnalyzedVideoBody,
) -> dict[str, Any]:
    return request(
        "post",
        "/session-management/sessions/{session_id}/analyzed-video/".format(
            session_id=path_text(session_id),
        ),
        body=body,
        media=["application/json"],
    )


def _success(parsed: Any) -> AnalyzedVideoResponse:
    """Return what `_parse_response` made of a success: this says to type checkers which of its models that is."""
    return parsed


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> AnalyzedVideoResponse | ErrorResponse | None:
    if response.status_code == 400:
        response_400 = ErrorResponse.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = ErrorResponse.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ErrorResponse.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = ErrorResponse.from_dict(response.json())

        return response_404

    if response.status_code == 500:
        response_500 = ErrorResponse.from_dict(response.json())

        return response_500

    if 200 <= response.status_code <= 299 and response.content:
        response_2xx = AnalyzedVideoResponse.from_dict(response.json())

        return response_2xx

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[AnalyzedVideoResponse | ErrorResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    session_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: GenerateAnalyzedVideoBody,
) -> Response[AnalyzedVideoResponse | ErrorResponse]:
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
        session_id (str): The session ID for which to upload/generate an analyzed video.
        body (GenerateAnalyzedVideoBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AnalyzedVideoResponse | ErrorResponse]
    """

    kwargs = _get_kwargs(
        session_id=session_id,
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    session_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: GenerateAnalyzedVideoBody,
) -> AnalyzedVideoResponse | ErrorResponse | None:
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
        session_id (str): The session ID for which to upload/generate an analyzed video.
        body (GenerateAnalyzedVideoBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AnalyzedVideoResponse | ErrorResponse
    """

    return sync_detailed(
        session_id=session_id,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    session_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: GenerateAnalyzedVideoBody,
) -> Response[AnalyzedVideoResponse | ErrorResponse]:
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
        session_id (str): The session ID for which to upload/generate an analyzed video.
        body (GenerateAnalyzedVideoBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AnalyzedVideoResponse | ErrorResponse]
    """

    kwargs = _get_kwargs(
        session_id=session_id,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    session_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: GenerateAnalyzedVideoBody,
) -> AnalyzedVideoResponse | ErrorResponse | None:
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
        session_id (str): The session ID for which to upload/generate an analyzed video.
        body (GenerateAnalyzedVideoBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AnalyzedVideoResponse | ErrorResponse
    """

    return (
        await asyncio_detailed(
            session_id=session_id,
            client=client,
            body=body,
        )
    ).parsed

"""Renders the sandbox's video: a stick figure that does a countermovement jump, as an H.264 mp4.

The figure moves by the physics of the jump it claims: the hip rises and falls under gravity while the feet are off
the ground, and the height shown is the one that follows from the flight time, ``g * t**2 / 8``. Frames are a pure
function of their number; encoding is single-threaded, so the same versions of PyAV and Pillow give the same bytes.

Usage: ``python scripts/render_video.py [--to FILE] [--frames DIR]``
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Point = tuple[float, float]
Colour = tuple[int, int, int]

DEFAULT_TARGET: Final = Path(__file__).resolve().parent.parent / "aikynetix/sandbox/data/countermovement_jump.mp4"
SIZE: Final = 640
"""Width and height of the picture in pixels."""
FRAME_RATE: Final = 30
DURATION: Final = 4.2
"""Length of the video in seconds."""
SCALE: Final = 2
"""Frames are drawn this many times larger and reduced, which smooths the edges."""

GRAVITY: Final = 9.81
JUMP_HEIGHT: Final = 0.36
TAKE_OFF_SPEED: Final = math.sqrt(2 * GRAVITY * JUMP_HEIGHT)
FLIGHT_TIME: Final = 2 * TAKE_OFF_SPEED / GRAVITY

THIGH: Final = 0.44
SHANK: Final = 0.43
TRUNK: Final = 0.50
UPPER_ARM: Final = 0.29
FOREARM: Final = 0.27
ANKLE: Final = 0.08
STANDING_HIP: Final = ANKLE + THIGH + SHANK - 0.006
TIPTOE: Final = 0.085

START: Final = 0.7
LOWEST: Final = START + 0.5
TAKE_OFF: Final = LOWEST + 0.29
LANDING: Final = TAKE_OFF + FLIGHT_TIME
ABSORBED: Final = LANDING + 0.26
UPRIGHT: Final = ABSORBED + 0.65

BACKGROUND: Final[Colour] = (15, 23, 42)
PANEL: Final[Colour] = (30, 41, 59)
GROUND: Final[Colour] = (71, 85, 105)
MUTED: Final[Colour] = (148, 163, 184)
WHITE: Final[Colour] = (241, 245, 249)
BONE: Final[Colour] = (56, 189, 248)
JOINT: Final[Colour] = (251, 191, 36)
TRACE: Final[Colour] = (52, 211, 153)


@dataclass(frozen=True, slots=True)
class Key:
    """A value at a moment (seconds), and its rate of change there."""

    time: float
    value: float
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Pose:
    """The joints at one moment, in metres: x forward from the toes' side, y up from the ground."""

    head: Point
    shoulder: Point
    elbow: Point
    wrist: Point
    hip: Point
    knee: Point
    ankle: Point
    heel: Point
    toe: Point


HIP: Final = (
    Key(0, 0),
    Key(START, 0),
    Key(LOWEST, -0.33),
    Key(TAKE_OFF, TIPTOE, TAKE_OFF_SPEED),
    Key(LANDING, TIPTOE, -TAKE_OFF_SPEED),
    Key(ABSORBED, -0.27),
    Key(UPRIGHT, 0),
    Key(DURATION, 0),
)
LEAN: Final = (Key(0, 4), Key(START, 4), Key(LOWEST, 52), Key(TAKE_OFF, 6), Key(LANDING, 8), Key(ABSORBED, 44))
LEAN_TO_END: Final = (*LEAN, Key(UPRIGHT, 4), Key(DURATION, 4))
ARM: Final = (
    Key(0, 4),
    Key(START, 4),
    Key(LOWEST, -62),
    Key(TAKE_OFF, 150),
    Key((TAKE_OFF + LANDING) / 2, 168),
    Key(LANDING, 105),
    Key(ABSORBED, 30),
    Key(UPRIGHT, 4),
    Key(DURATION, 4),
)


def curve(keys: Sequence[Key], time: float) -> float:
    """Interpolates between keys with cubic Hermite polynomials; the end values hold outside."""
    if time <= keys[0].time:
        return keys[0].value
    for left, right in pairwise(keys):
        if time <= right.time:
            span = right.time - left.time
            s = (time - left.time) / span
            ease = s * s * (3 - 2 * s)
            start_rate = span * left.rate * s * (1 - s) ** 2
            end_rate = span * right.rate * s * s * (s - 1)
            return left.value + (right.value - left.value) * ease + start_rate + end_rate
    return keys[-1].value


def hip_rise(time: float) -> float:
    """Gives the hip's height above standing in metres: ballistic in flight, a smooth curve on the ground."""
    if TAKE_OFF <= time <= LANDING:
        flown = time - TAKE_OFF
        return TIPTOE + TAKE_OFF_SPEED * flown - GRAVITY * flown * flown / 2
    return curve(HIP, time)


def pose(time: float) -> Pose:
    """Gives the joints at a time in seconds: the legs by inverse kinematics, trunk and arms by their angles."""
    rise = hip_rise(time)
    crouch = max(0.0, -rise)
    hip = (-0.55 * crouch, STANDING_HIP + rise)
    lift = max(0.0, min(rise, TIPTOE)) if not TAKE_OFF <= time <= LANDING else TIPTOE
    airborne = max(0.0, rise - TIPTOE) if TAKE_OFF <= time <= LANDING else 0.0
    tuck = 0.10 * airborne
    ankle = (0.35 * lift, ANKLE + lift + airborne + tuck)
    pitch = math.asin(min(1.0, lift / 0.16))
    toe = (ankle[0] + 0.17 * math.cos(pitch) - 0.02, max(0.0, ankle[1] - ANKLE - 0.17 * math.sin(pitch) + 0.02 * pitch))
    heel = (ankle[0] - 0.06, ankle[1] - ANKLE + 0.03 * pitch)
    shoulder = _from(hip, TRUNK, 180 - curve(LEAN_TO_END, time))
    arm = curve(ARM, time)
    elbow = _from(shoulder, UPPER_ARM, arm)
    wrist = _from(elbow, FOREARM, arm + 16 + 26 * min(1.0, crouch / 0.3))
    head = _from(shoulder, 0.19, 180 - 0.55 * curve(LEAN_TO_END, time))
    return Pose(head, shoulder, elbow, wrist, hip, _knee(hip, ankle), ankle, heel, toe)


def _from(origin: Point, length: float, degrees: float) -> Point:
    """Goes ``length`` from a point; 0 degrees is straight down, 90 forward, 180 straight up."""
    angle = math.radians(degrees)
    return origin[0] + length * math.sin(angle), origin[1] - length * math.cos(angle)


def _knee(hip: Point, ankle: Point) -> Point:
    dx, dy = ankle[0] - hip[0], ankle[1] - hip[1]
    reach = min(math.hypot(dx, dy), THIGH + SHANK - 1e-6)
    bend = math.acos((THIGH**2 + reach**2 - SHANK**2) / (2 * THIGH * reach))
    direction = math.atan2(dy, dx) + bend
    return hip[0] + THIGH * math.cos(direction), hip[1] + THIGH * math.sin(direction)


def knee_angle(figure: Pose) -> float:
    """Gives the angle between thigh and shank in degrees; 180 is a straight leg."""
    thigh = math.atan2(figure.hip[1] - figure.knee[1], figure.hip[0] - figure.knee[0])
    shank = math.atan2(figure.ankle[1] - figure.knee[1], figure.ankle[0] - figure.knee[0])
    degrees = math.degrees(abs(thigh - shank)) % 360
    return min(degrees, 360 - degrees)


def phase(time: float) -> str:
    """Names the phase of the jump that a moment belongs to."""
    names = ((START, "Standing"), (LOWEST, "Countermovement"), (TAKE_OFF, "Push-off"), (LANDING, "Flight"))
    for end, name in names:
        if time < end:
            return name
    return "Landing" if time < UPRIGHT else "Standing"


class Canvas:
    """A frame in the making; coordinates are pixels of the finished picture."""

    def __init__(self) -> None:
        self._image = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), BACKGROUND)
        self._draw = ImageDraw.Draw(self._image)

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Draws a polyline with round joints."""
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self._draw.line(scaled, fill=colour, width=max(1, round(width * SCALE)), joint="curve")

    def dot(self, centre: Point, radius: float, fill: Colour, outline: Colour | None = None) -> None:
        """Draws a disc."""
        x, y, r = (value * SCALE for value in (*centre, radius))
        self._draw.ellipse((x - r, y - r, x + r, y + r), fill=fill, outline=outline, width=3 * SCALE)

    def box(self, corners: tuple[float, float, float, float], fill: Colour, radius: float = 0) -> None:
        """Draws a filled rectangle, rounded if asked for."""
        left, top, right, bottom = (value * SCALE for value in corners)
        self._draw.rounded_rectangle((left, top, right, bottom), radius=radius * SCALE, fill=fill)

    def text(self, at: Point, text: str, size: float, colour: Colour, anchor: str = "ls") -> None:
        """Writes one line; the anchor is Pillow's."""
        font = ImageFont.load_default(size * SCALE)
        self._draw.text((at[0] * SCALE, at[1] * SCALE), text, fill=colour, font=font, anchor=anchor)

    def finished(self) -> Image.Image:
        """Gives the picture in its final size."""
        return self._image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


PIXELS_PER_METRE: Final = 186.0
GROUND_Y: Final = 560.0
FIGURE_X: Final = 250.0
PLOT: Final = (430.0, 400.0, 616.0, 520.0)


def _pixel(point: Point) -> Point:
    return FIGURE_X + point[0] * PIXELS_PER_METRE, GROUND_Y - point[1] * PIXELS_PER_METRE


def draw_scene(canvas: Canvas) -> None:
    """Draws what does not move: the ground and a ruler of heights above standing."""
    canvas.box((0, GROUND_Y + 4, SIZE, SIZE), PANEL)
    canvas.line([(0, GROUND_Y + 4), (SIZE, GROUND_Y + 4)], GROUND, 4)
    for centimetres in range(-40, 61, 20):
        y = _pixel((0, STANDING_HIP + centimetres / 100))[1]
        canvas.line([(74, y), (94, y)], GROUND, 2)
        canvas.text((66, y), f"{centimetres:+d}" if centimetres else "0 cm", 13, MUTED, "rm")
    y = _pixel((0, STANDING_HIP))[1]
    for x in range(94, 400, 14):
        canvas.line([(x, y), (x + 6, y)], PANEL, 2)


def draw_figure(canvas: Canvas, figure: Pose) -> None:
    """Draws the bones, then the joints over them."""
    bones = (
        (figure.heel, figure.ankle, figure.toe, figure.heel),
        (figure.ankle, figure.knee, figure.hip),
        (figure.hip, figure.shoulder),
        (figure.shoulder, figure.head),
    )
    for bone in bones:
        canvas.line([_pixel(point) for point in bone], BONE, 8)
    canvas.dot(_pixel(figure.head), 22, BACKGROUND, BONE)
    canvas.line([_pixel(point) for point in (figure.shoulder, figure.elbow, figure.wrist)], WHITE, 6)
    for joint in (figure.shoulder, figure.elbow, figure.wrist, figure.hip, figure.knee, figure.ankle):
        canvas.dot(_pixel(joint), 7, JOINT)
    x, y = _pixel(figure.knee)
    canvas.text((x + 18, y + 2), f"{knee_angle(figure):.0f}°", 15, JOINT, "lm")


def draw_plot(canvas: Canvas, time: float) -> None:
    """Draws the hip's height against time, as far as the video has come."""
    left, top, right, bottom = PLOT
    canvas.box((left - 14, top - 34, right + 8, bottom + 14), PANEL, 10)
    canvas.text((left, top - 14), "Hip height", 14, MUTED)

    def at(moment: float) -> Point:
        return left + (right - left) * moment / DURATION, bottom - (bottom - top) * (hip_rise(moment) + 0.38) / 0.88

    zero = at(0)[1]
    canvas.line([(left, zero), (right, zero)], GROUND, 1.5)
    steps = round(time * FRAME_RATE * 2)
    past = [at(index / FRAME_RATE / 2) for index in range(steps + 1)]
    if len(past) > 1:
        canvas.line(past, TRACE, 3)
    canvas.dot(past[-1], 5, WHITE)


def draw_readings(canvas: Canvas, time: float) -> None:
    """Writes the title, the clock, the phase, and the results as soon as they are known."""
    canvas.text((24, 44), "Countermovement jump", 24, WHITE)
    canvas.text((24, 70), "aikynetix sandbox", 14, MUTED)
    canvas.text((616, 44), f"{time:4.2f} s", 24, WHITE, "rs")
    name = phase(time)
    canvas.text((616, 70), name, 17, TRACE if name == "Flight" else JOINT, "rs")
    canvas.text((24, 612), "Stick figure rendered for tests; no person was filmed.", 13, MUTED)
    if time < TAKE_OFF:
        return
    flown = min(time, LANDING) - TAKE_OFF
    rows = [("Flight time", f"{flown:.2f} s")]
    if time >= LANDING:
        height = GRAVITY * FLIGHT_TIME**2 / 8
        rows += [("Jump height", f"{height * 100:.0f} cm"), ("Take-off speed", f"{TAKE_OFF_SPEED:.2f} m/s")]
    for row, (label, value) in enumerate(rows):
        y = 122 + 58 * row
        canvas.text((616, y), label, 14, MUTED, "rs")
        canvas.text((616, y + 27), value, 25, WHITE, "rs")


def frame(index: int) -> Image.Image:
    """Draws one frame of the video."""
    time = index / FRAME_RATE
    canvas = Canvas()
    draw_scene(canvas)
    if time >= TAKE_OFF:
        steps = round((min(time, LANDING) - TAKE_OFF) * 120)
        trace = [_pixel((-0.28, STANDING_HIP + hip_rise(TAKE_OFF + step / 120))) for step in range(steps + 1)]
        canvas.line([*trace, trace[-1]], TRACE, 5)
    draw_figure(canvas, pose(time))
    draw_plot(canvas, time)
    draw_readings(canvas, time)
    return canvas.finished()


def frames() -> Iterator[Image.Image]:
    """Draws the whole video, frame by frame."""
    return (frame(index) for index in range(round(DURATION * FRAME_RATE)))


def encode(pictures: Iterator[Image.Image], target: Path) -> None:
    """Encodes pictures as H.264 in an mp4 whose index comes first, so that it plays while it loads.

    ``yuv420p`` and the main profile are what every browser decodes.
    """
    with av.open(
        str(target), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}
    ) as container:
        options = {"crf": "25", "preset": "veryslow", "profile": "main", "x264-params": "threads=1"}
        stream = container.add_stream("libx264", rate=FRAME_RATE, options=options)
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for picture in pictures:
            image = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]  # untyped in PyAV
            container.mux(stream.encode(image))
        container.mux(stream.encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """Renders the video, or single frames to look at."""
    parser = argparse.ArgumentParser(description="Render the sandbox's video.")
    parser.add_argument("--to", type=Path, default=DEFAULT_TARGET, help="the mp4 to write")
    parser.add_argument("--frames", type=Path, help="write PNG frames into this directory instead")
    chosen = parser.parse_args(arguments)
    if chosen.frames is not None:
        chosen.frames.mkdir(parents=True, exist_ok=True)
        for index, picture in enumerate(frames()):
            picture.save(chosen.frames / f"{index:04d}.png")
        return
    chosen.to.parent.mkdir(parents=True, exist_ok=True)
    encode(frames(), chosen.to)
    print(f"{chosen.to.name}: {chosen.to.stat().st_size} bytes")


if __name__ == "__main__":
    main()

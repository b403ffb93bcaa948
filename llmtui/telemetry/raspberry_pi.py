"""The Raspberry Pi's own account of why it slows down: power supply or heat."""

from llmtui.telemetry.base import KeptFile, Readings, number, read_text, under

_STATE = "/sys/devices/platform/soc/soc:firmware/get_throttled"
_THROTTLED = 85.0
"""The firmware slows the processor from 80 °C on and holds it at 85 °C, long before the kernel's trip point of 110."""


def is_raspberry_pi(root: str = "/") -> bool:
    """Say whether this board is a Raspberry Pi."""
    return "raspberrypi," in (read_text(under(root, "/proc/device-tree/compatible"), 1024) or "")


class RaspberryPi:
    """`board.throttled`: bit 0 under-voltage, 1 clock capped, 2 throttled, 3 soft limit of temperature, all "now".

    Bits 16 to 19 say the same of the time since boot. Under-voltage means the power supply, not heat.
    """

    def __init__(self, root: str = "/") -> None:
        self._file = KeptFile(under(root, _STATE))

    def sample(self, now_ns: int) -> Readings:
        """Read the firmware's state now."""
        del now_ns
        readings: Readings = {"cpu.temperature.limit": _THROTTLED}
        try:
            text = self._file.read(64).strip(b"\0 \n").decode("ascii", "replace")
        except OSError:
            return readings
        # The firmware writes hexadecimal digits, on some kernels without the prefix.
        bits = number(text if text.startswith("0x") else f"0x{text}")
        if bits is not None:
            readings["board.throttled"] = bits
        return readings

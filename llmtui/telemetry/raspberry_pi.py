"""The Raspberry Pi's own account of why it slows down: power supply or heat."""

from llmtui.telemetry.base import KeptFile, Missing, Readings, listed, number, read_number, read_text, under
from llmtui.telemetry.programs import Run, run_program

_PLATFORM = "/sys/devices/platform"
_PROGRAM = ("/usr/bin/vcgencmd", "get_throttled")
_PROGRAM_NS = 2_000_000_000
_UNDER_VOLTAGE = 0x1
_THROTTLED = 85.0
"""The firmware slows the processor from 80 °C on and holds it at 85 °C, long before the kernel's trip point of 110."""


def is_raspberry_pi(root: str = "/") -> bool:
    """Say whether this board is a Raspberry Pi."""
    return "raspberrypi," in (read_text(under(root, "/proc/device-tree/compatible"), 1024) or "")


class RaspberryPi:
    """`board.throttled`: bit 0 under-voltage, 1 clock capped, 2 throttled, 3 soft limit of temperature, all "now".

    Bits 16 to 19 say the same of the time since boot. Under-voltage means the power supply, not heat. The bits come
    from the firmware's file, where the kernel has none from the program vcgencmd, which `run` runs every 2 s.
    """

    def __init__(self, root: str = "/", run: Run | None = None) -> None:
        self._root = root
        # The firmware's node is soc:firmware up to the Pi 4, and soc@107c000000:firmware on the Pi 5.
        socs = [name for name in listed(under(root, _PLATFORM)) if name.partition("@")[0] == "soc"]
        files = [KeptFile(under(root, f"{_PLATFORM}/{soc}/{soc}:firmware/get_throttled")) for soc in socs]
        self._file = next((file for file in files if read_text(file.path) is not None), None)
        self._run = run or (run_program if root == "/" else None)
        self._due_ns = 0

    def sample(self, now_ns: int) -> Readings:
        """Read the firmware's state now."""
        readings: Readings = {"cpu.temperature.limit": _THROTTLED}
        if self._file is not None:
            readings["board.throttled"] = self._from_file(self._file)
        elif now_ns >= self._due_ns:
            self._due_ns = now_ns + _PROGRAM_NS
            readings["board.throttled"] = self._from_program()
        return readings

    def _from_file(self, file: KeptFile) -> "float | Missing":
        try:
            text = file.read(64).strip(b"\0 \n").decode("ascii", "replace")
        except OSError:
            text = ""
        # The firmware writes hexadecimal digits, on some kernels without the prefix.
        bits = number(text if text.startswith("0x") else f"0x{text}")
        return Missing("the firmware's file get_throttled can't be read") if bits is None else bits

    def _from_program(self) -> "float | Missing":
        try:
            answer = self._run(_PROGRAM) if self._run is not None else b""
        except OSError:
            answer = b""
        bits = number(answer.partition(b"throttled=")[2].strip())
        return self._why_none() if bits is None else bits

    def _why_none(self) -> "float | Missing":
        """Without the firmware's bits the kernel may at least know of the power supply; quiet, it proves nothing."""
        for name in listed(under(self._root, "/sys/class/hwmon")):
            chip = under(self._root, f"/sys/class/hwmon/{name}")
            if read_text(f"{chip}/name") == "rpi_volt" and read_number(f"{chip}/in0_lcrit_alarm"):
                return _UNDER_VOLTAGE
        return Missing("the firmware is not reached: join the group video, so that `vcgencmd get_throttled` answers")

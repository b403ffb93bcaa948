import socket
import struct
import sys
import time

from llmtui.testing.truth_arrival import arrival, ask_for_stamps, receive

S = 1_000_000_000


def stamp(ns):
    return [(socket.SOL_SOCKET, 35, struct.pack("qq", *divmod(ns, S)))]


def clock(*readings):
    left = list(readings)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_the_kernels_stamp_is_brought_to_the_monotonic_clock():
    # It waited 3 ms.
    assert arrival(stamp(1_000 * S), clock(50 * S), clock(1_000 * S + 3_000_000)) == 50 * S - 3_000_000


def test_readings_that_were_interrupted_are_taken_again():
    monotonic = clock(0, 5_000_000, 10_000_000, 10_001_000)
    real = clock(100 * S + 4_000_000, 100 * S + 10_000_500)
    assert arrival(stamp(100 * S), monotonic, real) == 10_000_500 - 10_000_500


def test_when_every_reading_is_interrupted_the_shortest_counts():
    monotonic = clock(
        0, 400_000, 1_000_000, 1_100_000, 2_000_000, 2_900_000, 3_000_000, 3_500_000, 4_000_000, 4_500_000
    )
    assert arrival(stamp(7 * S), monotonic, clock(7 * S)) == 1_050_000


def test_without_a_stamp_or_with_one_that_can_not_be_it_is_now():
    assert arrival([], clock(50), clock(60)) == 50
    assert arrival(stamp(1_000 * S), clock(50), clock(999 * S)) == 50
    assert arrival(stamp(1_000 * S), clock(50), clock(1_011 * S)) == 50
    assert arrival([(socket.SOL_SOCKET, 35, b"short")], clock(50), clock(60)) == 50


def test_bytes_that_waited_keep_the_time_at_which_they_came():
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        accepted, _ = listener.accept()
        with accepted:
            ask_for_stamps(accepted)
            time.sleep(0.1)  # the kernel begins to stamp a moment after the first socket has asked for it
            before = time.monotonic_ns()
            client.sendall(b"hello")
            time.sleep(0.05)
            asked = time.monotonic_ns()
            data, at_ns = receive(accepted)
    assert data == b"hello"
    assert at_ns > before - 1_000_000
    # Elsewhere it is the moment of the read.
    assert (at_ns < asked) is (sys.platform == "linux")

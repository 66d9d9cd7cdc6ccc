"""What a platform runs: the one contract between a firmware application and the loop around it.

The platform calls ``step`` whenever something may have happened (bytes arrived or can be written again, a pin changed,
the encoder finished a fragment, the deadline passed). Calling it too often is harmless, so a board without interrupts
may simply call it in a loop. An application never sleeps and never blocks longer than its slowest file operation.
"""

from firmware.ports.errors import Unprovided


class Application:
    """A firmware application as a state machine that the platform steps."""

    def step(self, now_ms: int) -> None:
        """Do all that can be done now."""
        raise Unprovided(self, "step")

    def next_deadline_ms(self) -> "int | None":
        """When ``step`` must be called even if nothing happens; None for never."""
        raise Unprovided(self, "next_deadline_ms")

    def next_errand_ms(self) -> "int | None":
        """The same for a platform that steps the application whenever anything it reads has changed (a pin, a
        converter, the stream, the sensor) and feeds the watchdog itself; None: not before something changes.

        A platform that cannot tell goes by ``next_deadline_ms``. An application that does not say otherwise is stepped
        as often by either.
        """
        return self.next_deadline_ms()

    def wants_write(self) -> bool:
        """Whether output waits for the stream to take bytes again."""
        raise Unprovided(self, "wants_write")

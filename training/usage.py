"""What a training costs: time, processor, memory, and an estimate of energy."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass, field

WATTS_PER_BUSY_CORE = 10.0  # assumed: a server processor's thermal design power shared over its cores
KIB, MIB = 1024, 1024**2


@dataclass
class Meter:
    """Counts from its making on.

    Notes
    -----
    Processor time is that of the process and its threads; the peak of memory is that of the whole process so far.
    Energy is an estimate, processor seconds times `WATTS_PER_BUSY_CORE`; nothing is measured at the plug.
    """

    began: float = field(default_factory=time.perf_counter)
    cpu_began: float = field(default_factory=time.process_time)

    def read(self) -> dict[str, float]:
        """Return the system metrics so far, named as MLflow shows them beside its own."""
        cpu = time.process_time() - self.cpu_began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else KIB)
        return {
            "system/wall_seconds": time.perf_counter() - self.began,
            "system/cpu_seconds": cpu,
            "system/peak_memory_megabytes": peak / MIB,
            "system/energy_watt_hours_estimated": cpu * WATTS_PER_BUSY_CORE / 3600,
        }

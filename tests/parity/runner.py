"""The program that MicroPython runs: every case of one module, each told on a line of its own as it ends.

Portable. A line is the ``repr`` of ``(name, story, "")`` or ``(name, "", traceback)``; the heap left is said last.
"""

import gc
import io
import sys

GC_THRESHOLD_BYTES = 16384  # as a board's main sets it: collecting early keeps large holes in the heap


def run(module_name):
    """Run the module's cases. Whatever one raises is its failure, and the next one runs all the same."""
    gc.threshold(GC_THRESHOLD_BYTES)
    __import__(module_name)
    for name, case in sys.modules[module_name].CASES:
        gc.collect()
        try:
            print(repr((name, case() or "", "")))
        except Exception as fault:  # noqa: BLE001  a case's failure is told, and it is not the end of the others
            text = io.StringIO()
            sys.print_exception(fault, text)
            print(repr((name, "", text.getvalue())))


if __name__ == "__main__":
    run(sys.argv[1])

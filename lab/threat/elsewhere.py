"""What was measured of other tools elsewhere: 2 cores, 593 event logs with 24,661 events, ten copies of them for the cost; 268 labelled logs.

Printed only beside, and marked, where a tool isn't there to be measured.
"""

FIGURES = {
    "Hayabusa": {"version": "4.0.0", "events_per_cpu_second": 853, "peak_mb": 758, "hit": 143, "right": 81, "files": 268},
    "Chainsaw": {"version": "2.16.4", "events_per_cpu_second": 536, "peak_mb": 447, "hit": 105, "right": 53, "files": 268},
    "Zircolite": {"version": "3.7.0", "events_per_cpu_second": 900, "peak_mb": 927, "hit": 127, "right": 76, "files": 268},
}
# Files of account abuse with a finding of at least medium: of the best tool, and of all together.
ACCOUNTS = "account abuse: the best 22 of 57, all together 22"
# SigmaHQ's regression data: named rules that fire, of 202, and those that do as often as is named, of 172.
REGRESSION = "Zircolite 202 of 202 and 166 of 172, Hayabusa 194 and 157, Chainsaw 176 and 143"


def words(name):
    """One tool's figures in words."""
    figures = FIGURES[name]
    cost = f"{figures['events_per_cpu_second']} events per CPU-s, {figures['peak_mb']} MB"
    return f"{name} {figures['version']}: {cost}; at least medium in {figures['hit']}, right technique in {figures['right']} of {figures['files']} files"
